"""Bundles: written again for a leaving as it stands, and verified with nothing but the site's public key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import Certificate, load_pem_x509_certificates

from haechi.evidence import files, keys
from haechi.evidence.store import Store
from haechi.hr.console import ConsoleError
from haechi.hr.console.place import Place
from haechi.hr.ledger import views
from haechi.hr.proof import bundle
from haechi.hr.proof.bundle import Verified
from haechi.hr.proof.statement import open_hosts
from haechi.hr.proof.witness import Bundles


def write(place: Place, number: int) -> Path:
    """Write the bundle of a leaving as it stands, open hosts as open; return its file.

    Raises ``LedgerError``, ``EvidenceError`` and ``ProofError``.
    """
    # A site that never ran anything has no evidence yet, and so no place for its key.
    files.folder(Store(place.state).path)
    made = Bundles(
        site=place.policy.site.name, state=place.state, ledger=place.ledger, authority=place.hr.timestamp_authority
    )
    return made.write(place.ledger.read(views.revocation, number))


def public_key(state: Path) -> Path:
    """Return the file of the key that bundles of a site are verified by."""
    return Store(state).path / keys.PUBLIC


def verify(path: Path, key: Path, authority: Path | None) -> Verified:
    """Return what a bundle says once it holds. Raises ``EvidenceError``, ``ProofError`` and ``ConsoleError``."""
    return bundle.verify(files.read(path), keys.public_key(key), _roots(authority) if authority else ())


def told(found: Verified) -> str:
    """Return in a few lines what a bundle proves, and what it does not."""
    said: Mapping[str, Any] = found.predicate
    about, left = said["revocation"], [str(row["host"]) for row in open_hosts(said)]
    lines = [
        f"{about['person']} at site {said['site']}, revocation {about['number']}: {said['verdict']}",
        f"open: {', '.join(left)}" if left else "no host is open",
        f"signed by {found.key}",
    ]
    if found.stamped is None:
        return "\n".join((*lines, "no time stamp"))
    why = "its authority was checked" if found.stamp_checked else "whose authority was not checked: give --authority"
    return "\n".join((*lines, f"stamped at {found.stamped.isoformat()}, {why}"))


def _roots(path: Path) -> list[Certificate]:
    try:
        return load_pem_x509_certificates(files.read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConsoleError(f"{path}: no certificates in PEM: give those of the time stamping authority") from error
