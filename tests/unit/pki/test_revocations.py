"""Who is on the list, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from haechi.keylines import fingerprints
from haechi.pki import revocations
from haechi.policy.models import Policy
from haechi.tombstones import Rehire, Store, Tombstone

from .conftest import key

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
NOW = NOON.isoformat()


def print_of(who: str) -> str:
    return next(fingerprints([key(who)]))


def left(*rows: Tombstone, rehires: tuple[Rehire, ...] = ()) -> Store:
    return Store(sequence=7, tombstones=rows, rehires=rehires)


def test_nobody_left(policy: Policy) -> None:
    """An empty list is a list: sshd must be able to read it."""
    assert revocations.text(policy, Store(), NOON) == "# Haechi: who is revoked, list 0\n"


def test_a_leaver_s_certificates_and_keys_are_on_it(policy: Policy) -> None:
    """The key of policy and the key on record, each once, in an order that does not change."""
    store = left(Tombstone("carol", 1, 7, NOW, (print_of("carol"), print_of("old"))))
    keys = "".join(f"hash: {one}\n" for one in sorted([print_of("carol"), print_of("old")]))

    assert revocations.text(policy, store, NOON) == f"# Haechi: who is revoked, list 7\nid: carol\n{keys}"


def test_a_leaver_whom_policy_forgot_stays_on_it(policy: Policy) -> None:
    """Her entry was deleted, and her key is still revoked by the record."""
    store = left(Tombstone("zoe", 1, 7, NOW, (print_of("zoe"),)))

    assert revocations.text(policy, store, NOON).splitlines()[1:] == ["id: zoe", f"hash: {print_of('zoe')}"]


def test_nobody_who_stays_is_shut_out_by_a_leaver_s_key(policy: Policy) -> None:
    """A shared key is a problem of policy; the list must not make it one of the whole site."""
    store = left(Tombstone("carol", 1, 7, NOW, (print_of("robot"), print_of("carol"))))

    assert print_of("robot") not in revocations.text(policy, store, NOON)


def test_hired_again(policy: Policy) -> None:
    """The id goes when the last certificate of before has expired; the old key never does."""
    store = left(Tombstone("carol", 1, 6, NOW, (print_of("carol"),)), rehires=(Rehire("carol", 2, 7, NOW),))

    assert revocations.people(policy, store, NOON + timedelta(hours=8, seconds=-1)) == {"carol"}
    assert revocations.people(policy, store, NOON + timedelta(hours=8)) == frozenset()
    assert revocations.keys(policy, store) == {print_of("carol")}
    assert list(revocations.reused(policy, store)) == [("carol", print_of("carol"))]


def test_a_new_key_after_the_rehire_is_good(policy: Policy) -> None:
    """Only the key of before is named."""
    store = left(Tombstone("carol", 1, 6, NOW, (print_of("before"),)), rehires=(Rehire("carol", 2, 7, NOW),))

    assert revocations.keys(policy, store) == {print_of("before")}
    assert list(revocations.reused(policy, store)) == []
