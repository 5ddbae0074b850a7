"""Security event tokens that are fetched from their transmitter (RFC 8936), so that nothing has to listen here.

A token is acknowledged only after the ledger has it: until then the transmitter keeps it and sends it again. One that
is refused is reported back with its error, and not asked for any more.
"""

from __future__ import annotations

import logging
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from haechi.hr import sources
from haechi.hr.envelope import Envelope
from haechi.hr.inbox import Row
from haechi.hr.signals import RefusedError, UnavailableError
from haechi.hr.sources.secrets import Secrets
from haechi.hr.work.held import Held
from haechi.hr.work.ports import InboxError
from haechi.policy.provisioning import Source

LOG = logging.getLogger("haechi.hr")
PAUSE_S, PATIENCE_S = 5.0, 20.0
MOST = 100
# As large as the receiver lets a pushed token be, each.
LARGEST = MOST * 64 * 1024
HERE = frozenset({"localhost", "127.0.0.1", "::1"})


@checked
class Polled:
    """A transmitter's answer (RFC 8936, section 2.3): tokens by ``jti``, and whether there are more."""

    sets: Annotated[Mapping[str, str], Field(max_length=MOST)]
    moreAvailable: bool = False  # noqa: N815 - the RFC's own name


_ANSWER = TypeAdapter(Polled)


@dataclass(kw_only=True)
class Poll:
    """One transmitter. ``token`` is the file that holds the bearer token, which its owner alone may read."""

    source: Source
    secrets: Secrets
    zone: ZoneInfo
    token: Path
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=PATIENCE_S))
    pause_s: float = PAUSE_S
    _held: Held = field(default_factory=Held)
    _taken: list[str] = field(default_factory=list)
    _refused: dict[str, RefusedError] = field(default_factory=dict)
    _next: float = 0.0

    def after(self, number: int, limit: int) -> Sequence[Row]:
        """Return the first messages after a number, and ask for more where it is time to. Raises ``InboxError``."""
        if time.monotonic() >= self._next and len(self._held.origins()) < MOST:
            self._next = time.monotonic() + self.pause_s
            self._ask()
        return self._held.after(number, limit)

    def forget(self, up_to: int) -> int:
        """Acknowledge the messages up to a number, with the next request, and return how many they were."""
        gone = self._held.pop(up_to)
        self._taken += gone
        self._next = 0.0 if gone else self._next
        return len(gone)

    def _ask(self) -> None:
        taken, refused = tuple(self._taken), dict(self._refused)
        answer = self._posted(taken, refused)
        # What came meanwhile is reported the next time.
        del self._taken[: len(taken)]
        self._refused = {jti: error for jti, error in self._refused.items() if jti not in refused}
        known = {*self._held.origins(), *self._taken}
        for jti, token in answer.sets.items():
            if jti not in known:
                self._take(jti, token)
        if self._refused or answer.moreAvailable:
            self._next = 0.0

    def _take(self, jti: str, token: str) -> None:
        message = Envelope(
            source=self.source.name, kind=self.source.kind, received=datetime.now(UTC), body=token.encode()
        )
        try:
            envelope, _ = sources.accept(message, self.source, self.secrets, self.zone)
        except RefusedError as error:
            LOG.warning("a token of %s is refused and reported back: %s", self.source.name, error)
            self._refused[jti] = error
        except UnavailableError as error:
            # Not acknowledged, so it comes again.
            LOG.error("a token of %s cannot be judged now: %s", self.source.name, error)  # noqa: TRY400 -- words
        else:
            self._held.add(envelope, jti)

    def _posted(self, taken: Sequence[str], refused: Mapping[str, RefusedError]) -> Polled:
        request = {
            "maxEvents": MOST,
            "returnImmediately": True,
            "ack": list(taken),
            "setErrs": {jti: {"err": error.title, "description": error.detail} for jti, error in refused.items()},
        }
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Language": "en"}
        try:
            with self.client.stream("POST", self._url(), json=request, headers=headers) as response:
                text = _read(response)
            return _ANSWER.validate_json(text)
        except httpx.HTTPError as error:
            raise self._away(str(error) or type(error).__name__) from error
        except ValidationError as error:
            raise self._away("its answer is none of RFC 8936") from error
        except ValueError as error:
            raise self._away(str(error)) from error

    def _url(self) -> str:
        url = urlsplit(self.source.poll or "")
        # A proxy on this very machine may speak TLS for us; nothing else carries the token in clear.
        if url.scheme != "https" and not (url.scheme == "http" and url.hostname in HERE):
            raise InboxError(f"source {self.source.name}: poll {self.source.poll!r} is no https URL: mend it in policy")
        return url.geturl()

    def _token(self) -> str:
        try:
            if stat.S_IMODE(self.token.stat().st_mode) & 0o077:
                raise InboxError(f"{self.token}: others may read it: run `chmod 600 {self.token}`")
            word = self.token.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "no text"
            raise InboxError(f"{self.token}: {why}: put the bearer token of source {self.source.name} there") from error
        if not word.isascii() or not word.isprintable() or not word:
            raise InboxError(f"{self.token}: holds no bearer token: put that of source {self.source.name} there")
        return word

    def _away(self, why: str) -> InboxError:
        return InboxError(f"source {self.source.name}: {self.source.poll} does not give its events: {why}")


def _read(response: httpx.Response) -> bytes:
    """Return the body of an answer. Raises ``ValueError`` for one that is too large or no success."""
    if response.status_code != httpx.codes.OK:
        raise ValueError(f"it answers {response.status_code} {response.reason_phrase}")
    text = bytearray()
    for part in response.iter_bytes():
        text += part
        if len(text) > LARGEST:
            raise ValueError(f"its answer has more than {LARGEST} bytes")
    return bytes(text)
