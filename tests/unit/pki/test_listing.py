"""The signed list: when it is made, what it says, and that a host takes what the control node signs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.pull import document

from haechi import desired, tombstones
from haechi.keylines import fingerprints
from haechi.pki import listing
from haechi.pki.trust import Trust
from haechi.policy.models import Policy

from .conftest import key, with_authority

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
CA = "ssh-ed25519 AAAAca"


def said(state: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(listing.current(state))
    return found


def test_a_host_takes_what_the_control_node_signs(policy: Policy, tmp_path: Path) -> None:
    """The two sides share no code, only this document."""
    tombstones.record(tmp_path, "carol", fingerprints([key("carol")]), now=NOON)
    assert listing.renew(tmp_path, policy, CA, NOON) is True
    signers = tmp_path / "signers"
    signers.write_text(listing.signer(tmp_path))
    seen = document.read(listing.current(tmp_path).encode(), "small", str(signers))

    print_ = next(fingerprints([key("carol")]))
    assert (seen.issued, seen.expires, seen.user_ca) == (NOON, NOON + timedelta(days=7), CA)
    assert seen.people == {"carol": (print_,)}
    assert seen.revoked == f"# Haechi: who is revoked, list 1\nid: carol\nhash: {print_}\n"
    assert seen.sequence == int(NOON.timestamp())


def test_nothing_is_signed_that_says_the_same(policy: Policy, tmp_path: Path) -> None:
    """A run over an unchanged site changes nothing, until a third of the list's life is left."""
    runs = [NOON, NOON + timedelta(days=4, hours=15), NOON + timedelta(days=4, hours=17)]

    assert [listing.renew(tmp_path, policy, CA, at) for at in runs] == [True, False, True]


def test_a_leaver_is_on_the_next_list_at_once(policy: Policy, tmp_path: Path) -> None:
    """Its number is higher, within the same second too."""
    listing.renew(tmp_path, policy, CA, NOON)
    before = said(tmp_path)["sequence"]
    tombstones.record(tmp_path, "carol", now=NOON)

    assert listing.renew(tmp_path, policy, CA, NOON) is True
    assert said(tmp_path)["sequence"] == before + 1  # type: ignore[operator]
    assert said(tmp_path)["people"] == {"carol": [*fingerprints([key("carol")])]}


def test_a_state_from_a_backup_does_not_begin_again_below(policy: Policy, tmp_path: Path) -> None:
    """Hosts refuse a number that is lower than what they hold, so numbers follow the clock."""
    listing.renew(tmp_path, policy, CA, NOON)
    old = listing.current(tmp_path)
    tombstones.record(tmp_path, "carol", now=NOON)
    listing.renew(tmp_path, policy, CA, NOON + timedelta(minutes=5))
    newest = said(tmp_path)["sequence"]
    (tmp_path / listing.FILE).write_text(old)

    assert listing.renew(tmp_path, policy, CA, NOON + timedelta(minutes=6)) is True
    assert said(tmp_path)["sequence"] > newest  # type: ignore[operator]


@pytest.mark.parametrize("damage", ["", "{", "[]", "null"])
def test_a_damaged_list_is_signed_anew(policy: Policy, tmp_path: Path, damage: str) -> None:
    """What the control node keeps is a copy; the leavers are in the store."""
    (tmp_path / listing.FILE).write_text(damage)

    assert listing.renew(tmp_path, policy, CA, NOON) is True
    assert said(tmp_path)["schema"] == 1


def test_another_life_is_another_list(tmp_path: Path) -> None:
    """Policy lets a list count for less than it was signed for."""
    listing.renew(tmp_path, with_authority(), CA, NOON)

    assert listing.renew(tmp_path, with_authority({"revocations": {"valid_hours": 24}}), CA, NOON) is True
    assert said(tmp_path)["expires"] == "2026-11-27T12:00:00+00:00"


def test_who_came_back_is_denied_no_more(policy: Policy, tmp_path: Path) -> None:
    """Her certificates of before stay refused until the last has expired; the key of before for ever."""
    print_ = next(fingerprints([key("carol")]))
    tombstones.record(tmp_path, "carol", [print_], now=NOON)
    tombstones.rehire(tmp_path, "carol", now=NOON + timedelta(hours=1))
    listing.renew(tmp_path, policy, CA, NOON + timedelta(hours=1))
    first = said(tmp_path)
    later = listing.renew(tmp_path, policy, CA, NOON + timedelta(hours=9))

    assert first["people"] == {}
    assert first["revoked"] == f"# Haechi: who is revoked, list 2\nid: carol\nhash: {print_}\n"
    assert later is True
    assert said(tmp_path)["revoked"] == f"# Haechi: who is revoked, list 2\nhash: {print_}\n"


def test_a_leaving_changes_nothing_of_how_a_host_hears(policy: Policy) -> None:
    """Whom a stale list may keep out is the same: the run after a leaving has nothing to make true."""
    told = Trust(user_ca=CA, host_ca=CA, revoked="", listed='{"sequence": 1}', signer="s")
    before, after = (
        {host: rows["accounts"]["pull"] for host, rows in desired.build(policy, policy.hosts, left, told).items()}  # type: ignore[index]
        for left in (frozenset[str](), frozenset({"carol"}))
    )

    assert before == after
    assert any("carol" in rows["config"]["people"] for rows in before.values())
