"""What the outside sends, verified and read. The receiver and the worker call the very same functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from haechi.hr.envelope import Envelope, identifier
from haechi.hr.signals import Reading, RefusedError
from haechi.hr.sources import roster, scim, sets, webhook
from haechi.hr.sources.secrets import Secrets
from haechi.policy.provisioning import Source, SourceKind


class Kind(Protocol):
    """How one kind of source is read; ``HEADERS`` are those that its messages are verified by."""

    HEADERS: tuple[str, ...]

    def unique(self, envelope: Envelope) -> str:
        """Return what the sender calls a message that was verified."""

    def read(self, envelope: Envelope, source: Source, secrets: Secrets, at: datetime, zone: ZoneInfo) -> Reading:
        """Verify a message, then read it."""


KINDS: Mapping[SourceKind, Kind] = {
    SourceKind.SCIM: scim,
    SourceKind.SET: sets,
    SourceKind.WEBHOOK: webhook,
    SourceKind.ROSTER: roster,
}


def accept(message: Envelope, source: Source, secrets: Secrets, zone: ZoneInfo) -> tuple[Envelope, Reading]:
    """Return a message that has just come in as the envelope that is kept, and what it says.

    ``message`` has no id yet, and any headers. Raises as ``read`` does.
    """
    headers = {name: message.headers[name] for name in KINDS[source.kind].HEADERS if name in message.headers}
    kept = replace(message, headers=headers)
    reading = _read(kept, source, secrets, message.received, zone)
    return replace(kept, id=_id(kept, source)), reading


def read(envelope: Envelope, source: Source, secrets: Secrets, at: datetime, zone: ZoneInfo) -> Reading:
    """Return what an envelope says, verified as of ``at``; days and times without a zone are of ``zone``.

    Raises ``RefusedError`` where it is not authentic or not well formed, and ``UnavailableError`` where that cannot be
    told now.
    """
    reading = _read(envelope, source, secrets, at, zone)
    if envelope.id != _id(envelope, source):
        raise RefusedError(400, "altered", "the envelope's id is not that of its message: somebody wrote it anew")
    return reading


def _read(envelope: Envelope, source: Source, secrets: Secrets, at: datetime, zone: ZoneInfo) -> Reading:
    if (envelope.source, envelope.kind) != (source.name, source.kind):
        raise RefusedError(404, "no such source", f"policy has no source {envelope.source} of kind {envelope.kind}")
    return KINDS[source.kind].read(envelope, source, secrets, at, zone)


def _id(envelope: Envelope, source: Source) -> str:
    return identifier(source.name, KINDS[source.kind].unique(envelope))
