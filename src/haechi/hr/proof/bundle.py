"""A bundle as a file: made, written, and verified by whoever has the site's public key, without anything else of it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509 import Certificate

from haechi.evidence import canonical, keys
from haechi.hr.proof import ProofError, dsse, stamp
from haechi.hr.proof.statement import PAYLOAD, PREDICATE, STATEMENT

MEDIA = "application/vnd.haechi.revocation+json;version=1"
# The statement of a fleet of thousands of hosts has a few megabytes.
LARGEST = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A bundle that holds. ``stamped`` is the time stamp's time, ``stamp_checked`` whether its signer was known."""

    statement: Mapping[str, Any]
    sha256: str
    key: str
    stamped: datetime | None = None
    stamp_checked: bool = False

    @property
    def predicate(self) -> Mapping[str, Any]:
        """Return what is said of the revocation."""
        predicate: Mapping[str, Any] = self.statement["predicate"]
        return predicate


def sign(key: Ed25519PrivateKey, statement: Mapping[str, Any]) -> dict[str, Any]:
    """Return the bundle of a statement, without a time stamp."""
    return {"mediaType": MEDIA, "dsseEnvelope": dsse.sign(key, PAYLOAD, canonical.dumps(statement)), "timestamp": None}


def stamped(bundle: Mapping[str, Any], authority: str) -> dict[str, Any]:
    """Return the bundle with a time stamp over its envelope. Raises ``ProofError``."""
    token = stamp.fetch(authority, canonical.dumps(bundle["dsseEnvelope"]))
    return {**bundle, "timestamp": base64.b64encode(token).decode()}


def text(bundle: Mapping[str, Any]) -> bytes:
    """Return the bundle as it is written: canonical JSON, one line."""
    return canonical.dumps(bundle) + b"\n"


def verify(data: bytes, key: Ed25519PublicKey, roots: Sequence[Certificate] = ()) -> Verified:
    """Return what a bundle says, once its signature holds, and its time stamp where ``roots`` are given.

    Raises ``ProofError`` for whatever does not hold: altered, another site's, no bundle.
    """
    bundle = _read(data)
    envelope = bundle["dsseEnvelope"]
    statement = json.loads(dsse.opened(envelope, key, PAYLOAD))
    if statement.get("_type") != STATEMENT or statement.get("predicateType") != PREDICATE:
        raise ProofError(f"it says something else than a revocation: {statement.get('predicateType')}")
    found = Verified(statement=statement, sha256=hashlib.sha256(data).hexdigest(), key=keys.fingerprint(key))
    if bundle["timestamp"] is None:
        return found
    token, about = _decoded(bundle["timestamp"]), canonical.dumps(envelope)
    at = stamp.verified(token, about, roots) if roots else stamp.claimed(token, about)
    return Verified(**{**vars(found), "stamped": at, "stamp_checked": bool(roots)})


def missing_records(found: Verified, folder: Path) -> list[str]:
    """Return the records of runs that are not in a folder as the bundle names them: altered ones, and those not there.

    ``folder`` is that of the revocation under ``hr/runs``.
    """
    named = {
        Path(row["name"]).name: row["digest"]["sha256"] for row in found.statement["subject"] if "/" in row["name"]
    }
    return [name for name, digest in named.items() if _digest(folder / name) != digest]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _read(data: bytes) -> dict[str, Any]:
    if len(data) > LARGEST:
        raise ProofError(f"it has more than {LARGEST} bytes: it is no bundle")
    try:
        bundle = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ProofError("it is no JSON: give the .json file of a bundle") from error
    if not isinstance(bundle, dict) or bundle.get("mediaType") != MEDIA or "timestamp" not in bundle:
        raise ProofError(f"it is no bundle of {MEDIA}: give the .json file of a bundle")
    if not isinstance(bundle.get("dsseEnvelope"), dict):
        raise ProofError("it has no DSSE envelope: ask for the bundle again")
    return bundle


def _decoded(token: object) -> bytes:
    try:
        return base64.b64decode(str(token), validate=True)
    except binascii.Error as error:
        raise ProofError("its time stamp is no base64: ask for the bundle again") from error
