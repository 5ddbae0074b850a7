"""What is needed to verify: one file a source in a folder, public keys of token issuers, and people's SSH keys.

    FOLDER/SOURCE   scim: hex SHA-256 of each bearer token that counts; webhook: each key, `whsec_` and base64.
                    One a line, several while one replaces another.

The receiver and the control node have files of one form, and of a bearer token both have its digest alone.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from haechi.hr.signals import UnavailableError
from haechi.hr.sources.jwks import Keys, fetched
from haechi.policy.provisioning import Source

SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
LARGEST = 64 * 1024


@dataclass(frozen=True)
class Secrets:
    """The secrets of all sources. ``people`` are the public key lines of those who may sign rosters, by id."""

    folder: Path
    people: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fetch: Callable[[str], bytes] = fetched
    _keys: dict[str, Keys] = field(default_factory=dict)

    def tokens(self, source: Source) -> tuple[str, ...]:
        """Return the digests of the bearer tokens that count. Raises ``UnavailableError``."""
        lines = self._lines(source)
        if not all(map(SHA256.fullmatch, lines)):
            raise self._broken(source, "a line is no SHA-256 in hexadecimal")
        return lines

    def shared(self, source: Source) -> tuple[bytes, ...]:
        """Return the keys of a webhook. Raises ``UnavailableError``."""
        try:
            return tuple(map(key_of, self._lines(source)))
        except ValueError as error:
            raise self._broken(source, str(error)) from error

    def keys(self, source: Source) -> Keys:
        """Return the public keys of a token issuer; a file is named from ``folder`` on. Raises ``UnavailableError``."""
        if source.keys is None:
            raise UnavailableError(f"source {source.name} has no keys: set its `keys` in policy")
        place = source.keys if source.keys.startswith("https://") else str(self.folder / source.keys)
        return self._keys.setdefault(place, Keys(place, self.fetch))

    def signers(self, source: Source) -> Mapping[str, tuple[str, ...]]:
        """Return the key lines of everybody who may sign this source's rosters."""
        return {person: self.people.get(person, ()) for person in source.signers}

    def _lines(self, source: Source) -> tuple[str, ...]:
        try:
            with (self.folder / source.name).open("rb") as file:
                text = file.read(LARGEST).decode()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no text"
            raise self._broken(source, str(reason)) from error
        lines = tuple(line.strip() for line in text.splitlines() if line.strip())
        if not lines:
            raise self._broken(source, "it is empty")
        return lines

    def _broken(self, source: Source, why: str) -> UnavailableError:
        return UnavailableError(
            f"the secret of source {source.name} cannot be read: {self.folder / source.name}: {why}"
        )


def key_of(line: str) -> bytes:
    """Return the key that a line of a webhook's file gives. Raises ``ValueError``, which never repeats it."""
    try:
        key = base64.b64decode(line.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("a line is no `whsec_` with base64") from None
    # Standard Webhooks asks for 24 bytes at least.
    if len(key) < 24:  # noqa: PLR2004
        raise ValueError("a key has fewer than 24 bytes")
    return key
