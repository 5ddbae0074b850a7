"""What policy says of the edge: two hosts with one shared address, what they stand in front of, and how much passes."""

from __future__ import annotations

from datetime import date
from ipaddress import IPv4Address
from typing import Annotated

from pydantic import Field, StringConstraints

from haechi.policy.shape import DnsName, IdentityId, Line, Model, Name, Port

# A path as a request names it (RFC 3986, section 3.3): nothing that ends a word or a line of a configuration.
UrlPath = Annotated[str, StringConstraints(max_length=200, pattern=r"^/[A-Za-z0-9._~!&'()*+,;=:@%/-]*$")]
Method = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3,10}$")]
MediaType = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,20}/[a-z0-9.+-]{1,60}$")]
Argument = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\[\]-]{1,64}$")]


class Exclusion(Model):
    """One rule of the CRS that does not look at one path, or at one argument there; it lapses by itself."""

    id: Name
    path: UrlPath
    rule: Annotated[int, Field(strict=True, ge=910000, le=949999, description="number of the CRS rule")]
    argument: Argument | None = Field(default=None, description="the only argument that the rule passes over")
    reason: Line
    owner: IdentityId
    until: date


class Service(Model):
    """What one set of names leads to."""

    names: Annotated[tuple[DnsName, ...], Field(min_length=1)]
    host: Name = Field(description="where the application listens, without TLS")
    port: Port
    exclusions: tuple[Exclusion, ...] = ()


class Limits(Model):
    """How much passes; what is above is refused, and other sources go on."""

    connections: Annotated[int, Field(strict=True, ge=100, le=100_000, description="all at once")] = 4000
    source_connections: Annotated[int, Field(strict=True, ge=4, le=1000, description="of one source at once")] = 40
    source_requests: Annotated[int, Field(strict=True, ge=10, le=100_000, description="of one source in 10 s")] = 200
    body_kib: Annotated[int, Field(strict=True, ge=64, le=102_400, description="of one request")] = 10_240
    fields_kib: Annotated[int, Field(strict=True, ge=16, le=10_240, description="of a body that is no file")] = 256
    slow_seconds: Annotated[int, Field(strict=True, ge=2, le=60, description="for a head, and between parts")] = 10
    idle_seconds: Annotated[int, Field(strict=True, ge=5, le=120, description="without a word")] = 30
    answer_seconds: Annotated[int, Field(strict=True, ge=5, le=600, description="for an answer")] = 60


class Edge(Model):
    """A pair that answers the outside: TLS 1.3, request limits and a web application firewall."""

    hosts: Annotated[tuple[Name, ...], Field(min_length=1, description="the pair")]
    address: IPv4Address = Field(description="the shared one, in the pair's own zone")
    port: Port = 443
    peers_port: Port = Field(default=4720, description="where the two tell each other what they counted")
    local_port: Port = Field(default=4721, description="on loopback, where a look at the host asks")
    virtual_router: Annotated[int, Field(strict=True, ge=1, le=255, description="VRRP's number")] = 51
    services: Annotated[dict[Name, Service], Field(min_length=1)]
    methods: tuple[Method, ...] = ("GET", "HEAD", "POST", "OPTIONS")
    content_types: tuple[MediaType, ...] = Field(
        default=("application/x-www-form-urlencoded", "multipart/form-data", "application/json"),
        description="what a body may be; others are blocked",
    )
    limits: Limits = Limits()
    tls12_until: date | None = Field(default=None, description="last day on which TLS 1.2 is offered too")
