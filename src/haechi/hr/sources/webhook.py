"""An HR system's own webhook: JSON, signed with a shared key as Standard Webhooks says.

Headers (https://github.com/standard-webhooks/standard-webhooks, so its libraries can send):

    webhook-id         names the message; the same one sent again has the same id
    webhook-timestamp  when it was sent, in seconds since 1970
    webhook-signature  `v1,` and the base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`; several, with blanks between, while
                       a key is replaced

The body says one thing about one person:

    {"event": "leave", "hr_id": "E1007", "effective": "2026-12-31", "reason": "resigned"}

``event`` is leave, freeze, move, join or note. ``effective`` is a day, worked to its end, or a time; without a zone it
is meant in policy's; without it, or with ``"immediate": true``, the event counts at once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, model_validator

from haechi.hr.envelope import Envelope
from haechi.hr.signals import Act, Reading, RefusedError, Signal, Subject
from haechi.hr.sources import plainjson, words
from haechi.hr.sources.secrets import Secrets
from haechi.policy.provisioning import Source
from haechi.policy.shape import Line, Model

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
HEADERS: tuple[str, ...] = (ID, TIMESTAMP, SIGNATURE)
WINDOW = timedelta(minutes=5)
_ID = re.compile(r"[!-~]{1,200}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


class Message(Model):
    """What a webhook says."""

    event: Act
    hr_id: Line | None = None
    user_name: Line | None = None
    email: Line | None = None
    effective: Line | None = None
    immediate: bool = Field(default=False, strict=True)
    reason: Line = "no reason given"

    @model_validator(mode="after")
    def _about_somebody(self) -> Self:
        """Refuse what names nobody."""
        if not (self.hr_id or self.user_name):
            raise ValueError("name the person: hr_id, or user_name")
        return self


def unique(envelope: Envelope) -> str:
    """Return what the sender calls the message."""
    return envelope.headers.get(ID, "")


def read(envelope: Envelope, source: Source, secrets: Secrets, at: datetime, zone: ZoneInfo) -> Reading:
    """Return what a message says, once its signature and time hold. Raises ``RefusedError`` and as ``Secrets`` does."""
    _authentic(envelope, secrets.shared(source), at)
    try:
        said = Message.model_validate(plainjson.read_object(envelope.body))
        effective = words.near(words.end_of(said.effective, zone), at) if said.effective else None
    except ValidationError as error:
        raise RefusedError(422, "not a message", _first(error)) from error
    except (ValueError, OverflowError) as error:
        raise RefusedError(422, "not a message", f"effective: {error}") from error
    subject = Subject(hr_id=said.hr_id, user_name=said.user_name, email=said.email)
    signal = Signal(act=said.event, subject=subject, reason=said.reason, effective=effective, immediate=said.immediate)
    return Reading(signals=(signal,))


def sign(key: bytes, name: str, seconds: int, body: bytes) -> str:
    """Return the value of ``webhook-signature`` for a message."""
    mac = hmac.new(key, f"{name}.{seconds}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(mac).decode()}"


def _authentic(envelope: Envelope, keys: Iterable[bytes], at: datetime) -> None:
    name, seconds = (envelope.headers.get(header, "") for header in (ID, TIMESTAMP))
    if not _ID.fullmatch(name) or not _SECONDS.fullmatch(seconds):
        raise RefusedError(401, "not signed", f"send the headers {', '.join(HEADERS)}, as Standard Webhooks says")
    signatures = envelope.headers.get(SIGNATURE, "").encode()[:2000].split()
    expected = [sign(key, name, int(seconds), envelope.body).encode() for key in keys]
    if not any(hmac.compare_digest(given, right) for given in signatures for right in expected):
        raise RefusedError(401, "not authentic", f"{SIGNATURE} is not that of this id, time and body by a known key")
    if abs(at.timestamp() - int(seconds)) > WINDOW.total_seconds():
        raise RefusedError(
            401, "wrong time", f"{TIMESTAMP} is more than 5 minutes away: check the clock, and sign anew"
        )


def _first(error: ValidationError) -> str:
    row = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, row['loc'])) or 'message'}: {row['msg']}"
