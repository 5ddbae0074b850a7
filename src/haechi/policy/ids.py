"""What policy says of intrusion detection: which gateways inspect what, and what happens while they cannot."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from haechi.policy.shape import IdentityId, Line, Model, Name, Port


class Pair(Model):
    """What passes from one zone into another, both ways of each conversation; the first pair that fits decides."""

    source: Name = Field(alias="from", description="zone, or `internet`")
    target: Name = Field(alias="to", description="zone, or `internet`")
    # Multiport of iptables takes fifteen (iptables-extensions(8)), where the kernel has no native queue.
    ports: Annotated[
        tuple[Port, ...], Field(max_length=15, description="of the service, over TCP and UDP; none: all")
    ] = ()
    mode: Literal["inline", "detect", "none"] = Field(
        description="inline: what matches is dropped; detect: a copy is looked at; none: nobody looks"
    )
    fail: Literal["open", "closed"] | None = Field(
        default=None, description="inline alone: what happens to this traffic while nobody, or nobody in time, inspects"
    )


class RuleSource(Model):
    """Rules beside our own, as a file, a folder or a tar of ``.rules``, such as Emerging Threats'."""

    name: Name
    path: Line | None = Field(default=None, description="on the control node; relative to the inventory")
    url: Line | None = Field(default=None, description="of a mirror of your own, https")
    block: bool = Field(default=False, strict=True, description="true: what its alerts match is dropped where inline")


class Ids(Model):
    """Suricata on gateways, behind the firewall: only what policy lets through is inspected."""

    hosts: Annotated[tuple[Name, ...], Field(min_length=1, description="gateways with Debian 13")]
    owner: IdentityId = Field(description="who reads the alerts and answers for the rules")
    pairs: Annotated[tuple[Pair, ...], Field(min_length=1)]
    rules: tuple[RuleSource, ...] = ()
    max_rule_days: Annotated[int, Field(strict=True, ge=1, le=90, description="older rules are a finding")] = 14
    inside: tuple[Name, ...] = Field(default=(), description="zones that are ours; none: all but `exposure: outside`")
