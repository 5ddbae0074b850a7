"""The public keys of a token issuer (JWKS, RFC 7517): a file, or fetched over https and kept for a while."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from haechi.hr.signals import UnavailableError

LARGEST = 256 * 1024
TIMEOUT_S = 5
WHOLE_S = 15
AGAIN_S = 60
KEPT_S = 3600
# OKP keys also agree on secrets and `oct` ones are secrets: neither verifies what a stranger signed.
KINDS = ("RSA", "EC", "OKP")


@dataclass
class Keys:
    """The keys at one place. What was fetched is asked for again after an hour, and for a key that it lacks.

    ``clock`` gives seconds that never go back.
    """

    place: str
    fetch: Callable[[str], bytes]
    clock: Callable[[], float] = time.monotonic
    _known: tuple[Key, ...] = ()
    _version: float | None = None
    _lock: Lock = field(default_factory=Lock)

    def find(self, name: str | None) -> Key | None:
        """Return the key of a name (`kid`), or the only one there is where a token names none.

        Raises ``UnavailableError`` where the keys cannot be had now.
        """
        with self._lock:
            found = _named(self._current(), name)
            if found is None and self._may_ask_again():
                found = _named(self._asked(), name)
            return found

    def _current(self) -> tuple[Key, ...]:
        if not self._remote:
            return self._of_file()
        if self._version is None or self.clock() - self._version > KEPT_S:
            return self._asked()
        return self._known

    @property
    def _remote(self) -> bool:
        return self.place.startswith("https://")

    def _may_ask_again(self) -> bool:
        return self._remote and (self._version is None or self.clock() - self._version >= AGAIN_S)

    def _asked(self) -> tuple[Key, ...]:
        try:
            known = tuple(_read(self.fetch(self.place)))
        except (httpx.HTTPError, ValueError, OSError) as error:
            # While an issuer cannot be asked, the keys that it gave go on to count: a leaver's end does not wait.
            if self._known:
                return self._known
            raise UnavailableError(f"the keys of {self.place} cannot be had: {type(error).__name__}") from error
        self._known, self._version = known, self.clock()
        return known

    def _of_file(self) -> tuple[Key, ...]:
        try:
            path = Path(self.place)
            version = path.stat().st_mtime
            if version != self._version:
                self._known, self._version = tuple(_read(path.read_bytes())), version
        except (OSError, ValueError) as error:
            raise UnavailableError(f"the keys of {self.place} cannot be read: {error}") from error
        return self._known


def fetched(url: str) -> bytes:
    """Return what an https URL holds, with the trust of this machine. Raises ``httpx.HTTPError`` and ``ValueError``."""
    trust = ssl.create_default_context()
    with httpx.Client(verify=trust, timeout=TIMEOUT_S) as client, client.stream("GET", url) as answer:
        answer.raise_for_status()
        return _bounded(answer.iter_bytes())


def _bounded(parts: Iterator[bytes]) -> bytes:
    body, ends = b"", time.monotonic() + WHOLE_S
    for part in parts:
        body += part
        if len(body) > LARGEST:
            raise ValueError(f"more than {LARGEST} bytes")
        # The client's own time-out is that of a single read.
        if time.monotonic() > ends:
            raise ValueError(f"more than {WHOLE_S} seconds")
    return body


def _read(text: bytes) -> Iterator[Key]:
    """Yield the keys that verify signatures; others are passed over (RFC 7517, section 5). Raises ``ValueError``."""
    try:
        rows = json.loads(text)["keys"]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("no JWKS: an object with `keys` is needed") from error
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and row.get("kty") in KINDS and row.get("use", "sig") == "sig":
            yield from _imported(row)


def _imported(row: dict[str, Any]) -> Iterator[Key]:
    try:
        yield JWKRegistry.import_key(row)
    except (JoseError, ValueError, TypeError, KeyError):
        return


def _named(keys: tuple[Key, ...], name: str | None) -> Key | None:
    if name is None:
        return keys[0] if len(keys) == 1 else None
    return next((key for key in keys if key.kid == name), None)
