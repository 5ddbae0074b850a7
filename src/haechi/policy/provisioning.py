"""What policy says about the HR system's word: who may send it, and what follows from it by itself."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from haechi.policy.shape import DnsName, IdentityId, Line, Model, Name, Port


class SourceKind(StrEnum):
    """How a source speaks."""

    SCIM = "scim"
    SET = "set"
    WEBHOOK = "webhook"
    ROSTER = "roster"


class Source(Model):
    """One system that may say that somebody left. Its secret is a file of the control node, never policy."""

    name: Name
    kind: SourceKind
    issuer: Line | None = Field(default=None, description="set: the `iss` that its tokens must have")
    audience: Line | None = Field(default=None, description="set: the `aud` that names this site")
    algorithms: tuple[Literal["ES256", "ES384", "RS256", "PS256", "EdDSA"], ...] = Field(
        default=("ES256", "RS256"), description="set: signatures that count"
    )
    keys: Line | None = Field(default=None, description="set: its JWKS, a file of the control node or an https URL")
    poll: Line | None = Field(
        default=None, description="set: https URL to fetch events from (RFC 8936), for no listener"
    )
    signers: tuple[IdentityId, ...] = Field(default=(), description="roster: people whose SSH key signs it")
    folder: Line | None = Field(default=None, description="roster: folder of the control node that it is dropped into")
    freezes: bool = Field(
        default=True, strict=True, description="set: `session-revoked` shuts every door until somebody reopens it"
    )


class Breaker(Model):
    """More leavers than this within the window wait for a second person; a single one never waits."""

    people: Annotated[int, Field(strict=True, ge=1, le=1000)] = 5
    percent: Annotated[int, Field(strict=True, ge=1, le=100, description="of all people; counts from three on")] = 10
    window_minutes: Annotated[int, Field(strict=True, ge=1, le=1440)] = 60
    approvers: tuple[Name, ...] = Field(default=("security", "operator"), description="jobs whose people may let go on")


class Sla(Model):
    """How soon a leaver must be out before people are woken."""

    proven_seconds: Annotated[int, Field(strict=True, ge=10, le=3600, description="all reachable hosts proven")] = 60
    open_minutes: Annotated[int, Field(strict=True, ge=1, le=1440, description="any host still open")] = 15


class Alerts(Model):
    """Where alerts go besides the journal; the webhook's secret is a file of the control node."""

    webhook: Line | None = Field(default=None, description="https URL that alerts are posted to as JSON")
    mail_to: tuple[Line, ...] = ()
    mail_from: Line | None = None
    smtp: Line = Field(default="localhost:25", description="host:port of the mail relay")


class Hr(Model):
    """The HR service. Without a ``receiver`` nothing listens: events are polled, dropped or posted locally."""

    engine: Literal["embedded", "procrastinate"] = "embedded"
    database: Line | None = Field(
        default=None, description="PostgreSQL of the ledger as a URL without password; none: SQLite in the state folder"
    )
    receiver: Name | None = Field(default=None, description="host in front that listens, and reaches no other")
    worker: Name | None = Field(
        default=None, description="control node, where it is a managed host: its service runs there"
    )
    port: Port = 8443
    names: tuple[DnsName, ...] = Field(default=(), description="names by which the outside reaches the receiver")
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    time_zone: Line = Field(default="Asia/Seoul", description="of days and times that come without one")
    breaker: Breaker = Breaker()
    sla: Sla = Sla()
    alerts: Alerts = Alerts()
    timestamp_authority: Line | None = Field(default=None, description="RFC 3161 service that bundles are stamped by")

    @property
    def heard(self) -> tuple[Source, ...]:
        """Return the sources that speak to a receiver; the others are fetched, or dropped on the control node."""
        return tuple(source for source in self.sources if source.poll is None and source.folder is None)
