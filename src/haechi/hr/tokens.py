"""The secret that a source of HR shares with us: made here, told once; of a bearer token only a digest is kept."""

from __future__ import annotations

import base64
import hashlib
import secrets
from pathlib import Path

from haechi.evidence import files
from haechi.policy.provisioning import SourceKind

FOLDER = "secrets"
KINDS = frozenset({SourceKind.SCIM, SourceKind.WEBHOOK})


def digest(token: str) -> str:
    """Return the digest of a bearer token. It has 256 bits of chance, so there is nothing to guess and to slow down."""
    return hashlib.sha256(token.encode()).hexdigest()


def make(kind: SourceKind) -> tuple[str, str]:
    """Return a new secret of one of ``KINDS``: what the sender is told once, and the line that is kept of it."""
    if kind is SourceKind.SCIM:
        token = secrets.token_urlsafe(32)
        return token, digest(token)
    key = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    return key, key


def keep(path: Path, line: str, *, beside: bool = False) -> None:
    """Keep a secret's line; ``beside`` the old ones while senders change over. Raises ``EvidenceError``."""
    files.folder(path.parent)
    before = files.read(path).decode().splitlines() if beside and path.exists() else []
    files.swap(path, "".join(f"{row}\n" for row in (line, *before)).encode())
