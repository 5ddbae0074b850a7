"""What policy says of the VPN: where it listens, which job gets which addresses, and what it reaches through them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated

from pydantic import Field

from haechi.policy.shape import DnsName, Model, Name, Port


class VpnJob(Model):
    """What one job has through the tunnel: addresses that are its own, and where they lead."""

    pool: IPv4Network = Field(description="its addresses: the first half over UDP, the second over TCP")
    routes: Annotated[tuple[Name, ...], Field(min_length=1, description="zones and hosts that it reaches, no others")]
    ports: Annotated[tuple[Port, ...], Field(min_length=1, description="TCP ports that it reaches there")] = (22,)


class Vpn(Model):
    """The VPN of people: a certificate of their own and a one-time code, on a gateway; without it there is none."""

    host: Name = Field(description="the gateway that it runs on")
    zone: Name = Field(description="the zone in which it listens, at the gateway's address there")
    address: IPv4Address | None = Field(
        default=None, description="a further one of the gateway in that zone, the VPN's alone; none: the gateway's own"
    )
    name: DnsName | None = Field(default=None, description="how clients find it; none: by its address")
    udp_port: Port = 1194
    tcp_port: Port = Field(default=443, description="for networks that let nothing else out")
    network: IPv4Network = Field(description="holds every pool; no zone's. Its first address is the gateway's own")
    jobs: Annotated[dict[Name, VpnJob], Field(min_length=1, description="who has several gets the first one's")]
    dns: tuple[IPv4Address, ...] = Field(default=(), description="resolvers that clients are told, and reach")
    session_minutes: Annotated[
        int, Field(strict=True, ge=5, le=1440, description="from one code to the next, reconnections counted")
    ] = 480
    idle_minutes: Annotated[int, Field(strict=True, ge=1, le=240, description="without a packet, then it ends")] = 30
    profile_days: Annotated[int, Field(strict=True, ge=1, le=397, description="life of a person's certificate")] = 180
    crl_days: Annotated[int, Field(strict=True, ge=1, le=30, description="life of the revocation list")] = 6
    crl_port: Port = Field(default=4719, description="where the authority's host serves the revocation list")
