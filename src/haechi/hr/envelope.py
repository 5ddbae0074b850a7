"""What the outside sent, kept as it came: enough to verify it again elsewhere, and nothing that is secret."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import AwareDatetime, Base64UrlBytes, ConfigDict, TypeAdapter

from haechi.policy.provisioning import SourceKind


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """One message as received. ``id`` is the same for the same message, so that a duplicate is known as one.

    ``haechi.hr.sources.accept`` gives it; until then it is empty.

    ``headers`` are those that a signature is over, in lower case; a bearer token stands there as its SHA-256 alone.
    ``context`` is what the receiver knew of a SCIM resource, which a PATCH does not say itself.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    id: str = ""
    source: str
    kind: SourceKind
    received: AwareDatetime
    body: Base64UrlBytes
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    path: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return it as JSON can say it, the body in base64 (RFC 4648, section 5)."""
        document: dict[str, Any] = _ENVELOPE.dump_python(self, mode="json")
        return document

    @property
    def sha256(self) -> str:
        """Return the digest of the raw bytes in hexadecimal."""
        return hashlib.sha256(self.body).hexdigest()


_ENVELOPE = TypeAdapter(Envelope)


def read_document(document: object) -> Envelope:
    """Return the envelope that ``document`` made. Raises ``ValueError`` for anything else."""
    return _ENVELOPE.validate_python(document)


def identifier(source: str, unique: str) -> str:
    """Return the id of a message that its sender calls ``unique``: the same wherever it comes in."""
    return hashlib.sha256(f"{source}\0{unique}".encode()).hexdigest()
