"""What a run is about: the policy, the leavers and the pinned host keys that it started from, under one nonce.

The document is stored with the run's evidence, so that its observations can be judged again from it alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from haechi import catalogue, hostkeys
from haechi.grant import ledger
from haechi.pki.trust import NO_AUTHORITY, Trust
from haechi.policy.models import Policy
from haechi.policy.resolve import day_of, managed, on_day

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as its judges see it: ``policy`` as it stands on the day of ``at``.

    ``unsound`` says why the policy may not be judged against; empty where it may.
    """

    policy: Policy
    revoked: frozenset[str]
    host_keys: Mapping[str, str]
    nonce: str
    at: datetime
    state: str
    unsound: str = ""
    trust: Trust = NO_AUTHORITY
    grants: tuple[Mapping[str, Any], ...] = ()


def begin(
    policy: Policy, revoked: frozenset[str], state: Path, unsound: str = "", trust: Trust = NO_AUTHORITY
) -> dict[str, Any]:
    """Return the document of a run that starts now; JSON-able."""
    return {
        "schema": SCHEMA,
        "site": policy.site.name,
        "state": str(state),
        "nonce": secrets.token_hex(16),
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "catalogue": catalogue.version(),
        "policy": policy.model_dump(mode="json", by_alias=True),
        "revoked": sorted(revoked),
        "host_keys": pinned(policy, state),
        "unsound": unsound,
        "trust": trust.document(),
        "grants": ledger.open_grants(state, policy, revoked, datetime.now(UTC)),
    }


def read(document: Mapping[str, Any]) -> Run:
    """Return the run of a document.

    Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what ``begin`` never wrote.
    """
    at = datetime.fromisoformat(document["at"])
    return Run(
        policy=on_day(Policy.model_validate(document["policy"]), day_of(at)),
        revoked=frozenset(document["revoked"]),
        host_keys=dict(document["host_keys"]),
        nonce=str(document["nonce"]),
        at=at,
        state=str(document["state"]),
        unsound=str(document["unsound"]),
        # A run from before there were certificates had none.
        trust=Trust(**document.get("trust", {})),
        grants=tuple(document.get("grants", ())),
    )


def pinned(policy: Policy, state: Path) -> dict[str, str]:
    """Return the fingerprint of each managed host's pinned Ed25519 key; a host without one is left out."""
    file = state / "known_hosts"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    keys = {host: hostkeys.entries(text, host) for host in managed(policy)}
    return {host: key.fingerprint for host, found in keys.items() for key in found if key.kind == "ssh-ed25519"}
