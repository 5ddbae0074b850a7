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


class Floods(Model):
    """How much one source beyond our walls may open, hold and send; a /64 of IPv6 is one source."""

    opened_per_second: Annotated[int, Field(strict=True, ge=5, le=100_000, description="connections it begins")] = 100
    completed_per_second: Annotated[
        int, Field(strict=True, ge=5, le=100_000, description="handshakes it completes; above it is shut out")
    ] = 50
    held: Annotated[int, Field(strict=True, ge=5, le=60_000, description="open at once; more are dropped")] = 500
    datagrams_per_second: Annotated[
        int, Field(strict=True, ge=5, le=1_000_000, description="over UDP and ICMP, before any answer")
    ] = 200
    block_minutes: Annotated[int, Field(strict=True, ge=1, le=10_080, description="how long it is shut out")] = 10
    syn_proxy: bool = Field(
        default=False,
        strict=True,
        description="gateways answer strangers' SYNs with cookies and track nothing before the handshake is complete;"
        " a connection that a gateway no longer knows is then refused, not picked up",
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
    floods: Floods | None = Field(
        default=None, description="limits by source on gateways, and on hosts of zones that answer strangers"
    )
