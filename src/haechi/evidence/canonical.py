"""One form of a JSON value, so that a digest means the value (RFC 8785)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import rfc8785

RAW = "raw_json"
UNSTORABLE = "unstorable"
EXACT = 2**53


class CanonicalError(ValueError):
    """The value has no canonical form; the text says why."""


def dumps(value: object) -> bytes:
    """Return the canonical form. Raises ``CanonicalError`` for what RFC 8785 cannot say (NaN, integers past 2^53)."""
    try:
        return _written(value) or rfc8785.dumps(value)  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise CanonicalError(str(error)) from error
    except RecursionError as error:
        raise CanonicalError("nested too deeply") from error


def _written(value: object) -> bytes | None:
    """Return what Python's own writer, three times as fast, makes of a value; None where RFC 8785 says it otherwise.

    That is so for very large, very small and whole fractions, for names beyond ASCII, which it sorts by their UTF-16,
    and for what it refuses.
    """
    if not _is_plain(value):
        return None
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    except UnicodeEncodeError:
        return None


def _is_plain(value: object) -> bool:
    if isinstance(value, str) or value is None:
        return True
    if isinstance(value, dict):
        return all(isinstance(name, str) and name.isascii() for name in value) and all(map(_is_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, float):
        # Between these neither writes an exponent; of a whole number Python writes the ".0".
        return 1e-4 <= abs(value) < 1e15 and not value.is_integer()  # noqa: PLR2004
    return isinstance(value, int) and -EXACT < value < EXACT


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def storable(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body that is read back as it was: itself, or its text where a host answered what has no canonical form.

    That is what RFC 8785 refuses, and a fraction so large that it writes it as another whole number.
    """
    try:
        if RAW not in body and json.loads(dumps(body)) == body:
            return body
    except CanonicalError:
        pass
    return raw(body)


def raw(value: object) -> dict[str, Any]:
    """Return a body that keeps a value as its JSON text."""
    try:
        return {RAW: json.dumps(value)}
    except (TypeError, ValueError, RecursionError) as error:
        return {UNSTORABLE: str(error)}


def restored(body: dict[str, Any]) -> Any:
    """Return what ``storable`` or ``raw`` was given."""
    return json.loads(body[RAW]) if RAW in body else body
