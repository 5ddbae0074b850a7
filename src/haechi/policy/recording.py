"""What policy says of TLS certificates and of recordings of sudo."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from haechi.policy.shape import Address, DnsName, Model, Name, UnitName


class Leaf(Model):
    """A TLS certificate of a host: its key is made there, readable by ``user`` alone, and never travels."""

    name: Name
    host: Name
    names: tuple[DnsName, ...] = Field(default=(), description="further names than the host's own")
    addresses: tuple[Address, ...] = Field(default=(), description="further addresses than the host's own")
    user: Name = "root"
    use: Literal["server", "client", "both"] = "server"
    reload: tuple[UnitName, ...] = Field(default=(), description="services that take a new certificate by a reload")


class Recorder(Model):
    """Where what people do by sudo is kept, and which jobs may replay it; without it nothing is recorded."""

    host: Name = Field(description="the log host: every other host sends its recordings there")
    replay: tuple[Name, ...] = Field(default=(), description="jobs that may replay, by one exact command")
    late_minutes: Annotated[
        int, Field(strict=True, ge=2, le=1440, description="then a recording's delay is an alarm")
    ] = 5
