"""Who may look at the page: one-time links made on the control node, then a session that the server keeps."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from haechi.evidence import files

LINK_LIVES = timedelta(seconds=60)
SESSION_LIVES = timedelta(hours=8)
METRICS_TOKEN = "metrics.token"  # noqa: S105 - a file's name
BYTES = 32


def folder(state: Path) -> Path:
    """Return where links and the metrics' token lie, made for the owner alone. Raises ``EvidenceError``."""
    place = state / "hr/page"
    files.folder(place)
    return place


def link(place: Path, who: str, now: datetime) -> str:
    """Return a token that lets one browser in as ``who``, once, within a minute. Raises ``EvidenceError``.

    Kept of it is its SHA-256 alone; its 256 bits are chance, so there is nothing to guess.
    """
    for path in place.glob("*.link"):
        if _told(path)[1] <= now:
            path.unlink(missing_ok=True)
    token = secrets.token_urlsafe(BYTES)
    until = (now + LINK_LIVES).isoformat()
    files.swap(_path(place, token), json.dumps({"who": who, "until": until}).encode())
    return token


def redeem(place: Path, token: str, now: datetime) -> str | None:
    """Return whom a token lets in, and use it up; None for one that is unknown, used or too old."""
    path = _path(place, token)
    who, until = _told(path)
    try:
        # Of two who come at once, one takes it away: the other finds nothing.
        os.unlink(path)  # noqa: PTH108 -- the system call by its name, for that is what decides
    except OSError:
        return None
    return who if who and now < until else None


def metrics_token(place: Path) -> Path:
    """Return the file of the token that metrics are read with, made where it is missing. Raises ``EvidenceError``."""
    path = place / METRICS_TOKEN
    if not path.exists():
        files.swap(path, secrets.token_urlsafe(BYTES).encode())
    return path


def is_token(path: Path, header: str) -> bool:
    """Return whether an Authorization header has the token of a file (RFC 6750)."""
    scheme, _, given = header.partition(" ")
    right = files.read(path).strip()
    return scheme.lower() == "bearer" and bool(right) and hmac.compare_digest(given.strip().encode(), right)


@dataclass
class Sessions:
    """Who is logged in. They live in this process: a restart ends them all, and so does the time."""

    _open: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def begin(self, who: str, now: datetime) -> str:
        """Return the cookie of a new session."""
        self._open = {key: row for key, row in self._open.items() if row[1] > now}
        token = secrets.token_urlsafe(BYTES)
        self._open[_digest(token)] = (who, now + SESSION_LIVES)
        return token

    def who(self, token: str, now: datetime) -> str | None:
        """Return whose session a cookie is; None where it is nobody's any more."""
        who, until = self._open.get(_digest(token), ("", now))
        return who if now < until else None

    def end(self, token: str) -> None:
        """End a session."""
        self._open.pop(_digest(token), None)


def _path(place: Path, token: str) -> Path:
    return place / f"{_digest(token)}.link"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _told(path: Path) -> tuple[str, datetime]:
    """Return whom a link lets in until when; nobody, long ago, where it cannot be read."""
    try:
        row = json.loads(path.read_bytes())
        return str(row["who"]), datetime.fromisoformat(row["until"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", datetime.min.replace(tzinfo=UTC)
