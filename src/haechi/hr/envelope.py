"""What the outside sent, kept as it came: enough to verify it again elsewhere, and nothing that is secret."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from haechi.policy.provisioning import SourceKind


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """One message as received. ``id`` is the same for the same message, so that a duplicate is known as one.

    ``headers`` are those that a signature is over, in lower case; a bearer token stands there as its SHA-256 alone.
    ``context`` is what the receiver knew of a SCIM resource, which a PATCH does not say itself.
    """

    id: str
    source: str
    kind: SourceKind
    received: datetime
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    path: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Return the digest of the raw bytes in hexadecimal."""
        return hashlib.sha256(self.body).hexdigest()


def identifier(source: str, unique: str) -> str:
    """Return the id of a message that its sender calls ``unique``: the same wherever it comes in."""
    return hashlib.sha256(f"{source}\0{unique}".encode()).hexdigest()
