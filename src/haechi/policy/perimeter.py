"""What a policy says about its zones, and about trying what the network really lets through."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import Field

from haechi.policy.shape import Line, Model, Port


class Zone(Model):
    """A network zone; the reserved name `internet` is everything no zone holds."""

    title: Line
    cidr: IPv4Network
    cidr6: IPv6Network | None = None
    management: bool = Field(default=False, strict=True, description="never blockable; operators come from here")
    production: bool = Field(default=True, strict=True, description="false: for tests, without real data")
    exposure: Literal["outside", "dmz", "inside"] = Field(
        default="inside", description="outside: not ours; dmz: answers strangers, so no personal data is kept there"
    )


class Perimeter(Model):
    """How the zone matrix is tried: every pair of zones, every port of a flow, and some that intruders look for."""

    beacons: tuple[IPv4Address, ...] = Field(
        default=(), description="addresses beyond all zones that answer TCP, if only by refusing: they are the internet"
    )
    ports: tuple[Port, ...] = Field(default=(), description="further TCP ports to try")
    unused_days: Annotated[int, Field(strict=True, ge=1, le=1095)] = Field(
        default=90, description="a flow that nothing used for so long is reported"
    )
