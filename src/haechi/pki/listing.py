"""The list that hosts fetch by themselves: who left, and what sshd must refuse, signed under a number that only rises.

Signed anew when it would say something else or two thirds of its life are over, by whoever runs the site or lets
somebody go. Hosts need no secret to check it, so it travels in the clear.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from haechi import signing, tombstones
from haechi.keylines import fingerprints
from haechi.pki import revocations
from haechi.policy.models import Policy
from haechi.policy.resolve import keys_of

SCHEMA = 1
NAMESPACE = "haechi-list"
FILE = "list.json"
SIGNED = ("schema", "sequence", "issued", "expires", "signature")


def current(state: Path) -> str:
    """Return the text of the newest list; empty before the first."""
    path = state / FILE
    return path.read_text(encoding="ascii") if path.is_file() else ""


def number(text: str) -> int:
    """Return a list's number; 0 for what is none."""
    return int(_read(text).get("sequence", 0))


def signer(state: Path) -> str:
    """Return the allowed_signers(5) line by which hosts check the list; empty before there is a key."""
    public = (state / tombstones.KEY).with_suffix(".pub")
    return signing.allowed(NAMESPACE, public.read_text(encoding="ascii").strip()) if public.is_file() else ""


def renew(state: Path, policy: Policy, user_ca: str, at: datetime) -> bool:
    """Sign a new list where one is due; tell whether it was.

    Raises ``TombstoneError`` where the leavers cannot be read or nothing can be signed.
    """
    with tombstones.locked(state):
        says = content(policy, tombstones.read(state), user_ca, at)
        held = _read(current(state))
        if not due(held, says, policy.revocations.valid_hours, at):
            return False
        # Seconds of the clock, so that a state folder from a backup does not begin again below what hosts hold.
        sequence = max(int(held.get("sequence", 0)) + 1, int(at.timestamp()))
        ends = at + timedelta(hours=policy.revocations.valid_hours)
        times = {"issued": at.isoformat(timespec="seconds"), "expires": ends.isoformat(timespec="seconds")}
        body = {"schema": SCHEMA, "sequence": sequence, **times, **says}
        signing.swap(state / FILE, tombstones.sign(state, NAMESPACE, body))
        return True


def content(policy: Policy, store: tombstones.Store, user_ca: str, at: datetime) -> dict[str, Any]:
    """Return what the list says, whoever signs it when. ``people`` are denied, with the keys to strip elsewhere."""
    kept = revocations.keys(policy, store)
    named = {who.id: set(fingerprints(keys_of(policy, who))) for who in policy.identities}
    for row in store.tombstones:
        named.setdefault(row.person, set()).update(row.keys)
    return {
        "site": policy.site.name,
        "user_ca": user_ca,
        "revoked": revocations.text(policy, store, at),
        "people": {who: sorted(named[who] & kept) for who in sorted(store.revoked())},
    }


def due(held: Mapping[str, Any], says: Mapping[str, Any], valid_hours: int, at: datetime) -> bool:
    """Return whether a list must be signed: it says something else, or has a third of its life left."""
    if {name: value for name, value in held.items() if name not in SIGNED} != says:
        return True
    left = datetime.fromisoformat(held["expires"]) - at
    return left < timedelta(hours=valid_hours) / 3 or left > timedelta(hours=valid_hours)


def _read(text: str) -> dict[str, Any]:
    """Return the list in force; one that is damaged is none, and the next is signed above the clock."""
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
