"""The list of what is revoked, as ssh-keygen reads it (ssh-keygen(1), KEY REVOCATION LISTS). Pure.

``id:`` revokes every certificate of a person, those still to come included, and not the bare key: that is ``hash:``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from haechi.keylines import fingerprints
from haechi.policy.models import Policy
from haechi.policy.resolve import keys_of
from haechi.tombstones import Store


def text(policy: Policy, store: Store, at: datetime) -> str:
    """Return the list: its number first, then people, then keys, each once and sorted."""
    rows = [*(f"id: {person}" for person in sorted(people(policy, store, at)))]
    rows += [f"hash: {key}" for key in sorted(keys(policy, store))]
    return "".join(f"{row}\n" for row in (f"# Haechi: who is revoked, list {store.sequence}", *rows))


def people(policy: Policy, store: Store, at: datetime) -> frozenset[str]:
    """Return the ids of whose certificates none counts.

    Whoever was hired again stays on the list until each certificate of the earlier employment has expired.
    """
    longest = timedelta(hours=policy.pki.user_hours if policy.pki else 0)
    waiting = {
        row.person
        for row in store.tombstones
        if row.epoch < store.epoch(row.person) and at < datetime.fromisoformat(row.time) + longest
    }
    return store.revoked() | waiting


def keys(policy: Policy, store: Store) -> frozenset[str]:
    """Return the fingerprints of leavers' keys, for ever; never one that somebody who stays has in policy."""
    gone = store.revoked()
    named = {who.id: frozenset(fingerprints(keys_of(policy, who))) for who in policy.identities}
    left = {key for row in store.tombstones for key in row.keys}
    left |= {key for who in gone for key in named.get(who, ())}
    return frozenset(left) - frozenset(_kept(store, named))


def _kept(store: Store, named: dict[str, frozenset[str]]) -> Iterator[str]:
    """Yield the keys of all who never left: a list that shuts them out would shut the site."""
    ever = {row.person for row in store.tombstones}
    for who, prints in named.items():
        if who not in ever:
            yield from prints


def reused(policy: Policy, store: Store) -> Iterator[tuple[str, str]]:
    """Yield person and fingerprint where somebody hired again still has a key of before, which stays shut."""
    for who in policy.identities:
        old = {key for row in store.tombstones if row.person == who.id for key in row.keys}
        if who.id not in store.revoked():
            yield from ((who.id, key) for key in fingerprints(keys_of(policy, who)) if key in old)
