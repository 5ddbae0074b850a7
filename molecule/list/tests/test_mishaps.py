"""Whatever is wrong with a list that is sent, the one that is held counts on, and somebody hears of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from .conftest import Machine, converge, stamp

Damage = Callable[[Machine, bytes, Path], bytes | None]


def foreign(machine: Machine, _: bytes, folder: Path) -> bytes:
    """Return a list that another key signed."""
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return machine.signed(key=key)


def expired(machine: Machine, *_: object) -> bytes:
    """Return a list whose time is over."""
    past = datetime.now(UTC) - timedelta(hours=1)
    return machine.signed(issued=stamp(past - timedelta(days=7)), expires=stamp(past))


MISHAPS: dict[str, tuple[Damage, str]] = {
    "truncated": (lambda _, good, __: good[: len(good) // 2], "cut short or corrupt"),
    "empty": (lambda *_: b"", "it is empty"),
    "corrupt": (lambda *_: b"\x00\xff garbage", "cut short or corrupt"),
    "altered": (lambda _, good, __: good.replace(b'"people": {}', b'"people": {"ann": []}'), "signature is not"),
    "replayed": (lambda m, *_: m.signed(sequence=1), "was seen before"),
    "foreign": (foreign, "its signature is not the site's"),
    "signed for something else": (lambda m, *_: m.signed(namespace="haechi-tombstones"), "its signature is not"),
    "another site's": (lambda m, *_: m.signed(site="elsewhere"), "it is of the site 'elsewhere'"),
    "of tomorrow's form": (lambda m, *_: m.signed(schema=2), "its schema is 2"),
    "expired": (expired, "it expired at"),
    "away": (lambda *_: None, "port 4799: Connection refused"),
}


@pytest.fixture
def bob_left(machine: Machine) -> Machine:
    """Return a machine that heard by itself that Bob left."""
    assert [machine.gets_in(who) for who in ("ann", "bob")] == [True, True]
    machine.serve(machine.signed("bob"))
    assert machine.fetch() == 0
    return machine


def test_who_left_is_denied_by_the_host_itself(bob_left: Machine) -> None:
    """Account, keys and list, with no controller there; and nobody else's."""
    assert [bob_left.gets_in(who) for who in ("ann", "bob", "haechi", "sentinel")] == [True, False, True, True]
    assert "id: bob" in bob_left.sh("ssh-keygen -Q -l -f /etc/ssh/haechi/revoked.krl").splitlines()
    assert bob_left.sh("getent shadow bob").split(":")[1][0] == "!"
    assert bob_left.alarms() == {}


def test_every_mishap_leaves_the_list_that_is_held(bob_left: Machine, tmp_path: Path) -> None:
    """One after the other, each with its own alarm; a good list afterwards takes the alarm down."""
    held = bob_left.held()
    for name, (damage, why) in MISHAPS.items():
        folder = tmp_path / name.split(maxsplit=1)[0]
        folder.mkdir()
        bob_left.serve(damage(bob_left, bob_left.signed(), folder))

        assert bob_left.fetch() == 1, name
        assert bob_left.held() == held, name
        assert why in bob_left.alarms()["list"], name
    assert [bob_left.gets_in(who) for who in ("ann", "bob")] == [True, False]
    told = bob_left.sh("journalctl --sync && journalctl -o json-seq -t haechi-alarm -p alert -n 50")
    assert told.count("haechi-alarm") >= len(MISHAPS)

    bob_left.serve(bob_left.signed("bob"))
    assert (bob_left.fetch(), bob_left.alarms()) == (0, {})
    assert bob_left.held() > held


def test_the_number_that_was_seen_outlives_the_list(bob_left: Machine) -> None:
    """Whoever deletes what the host holds cannot make it take an older one, and the host says that it has none."""
    old = bob_left.signed(sequence=bob_left.held() - 1)
    bob_left.sh("rm /var/lib/haechi/list/list.json")
    bob_left.serve(old)

    assert bob_left.fetch() == 1
    assert "was seen before" in bob_left.alarms()["list"]


@pytest.mark.parametrize("stale_list", ["refuse", "allow"])
def test_a_stale_list(bob_left: Machine, stale_list: str) -> None:
    """It keeps people out or not, as policy says; never automation and canary; and gives way once it is fresh."""
    bob_left.configure(stale_list=stale_list)
    bob_left.serve(None)
    assert bob_left.fetch() == 1
    assert [bob_left.gets_in(who) for who in ("ann", "haechi")] == [True, True], "it is an hour until that counts"

    bob_left.confirmed(timedelta(minutes=61))
    assert bob_left.fetch() == 1
    people = stale_list == "allow"
    assert [bob_left.gets_in(who) for who in ("ann", "bob", "haechi", "sentinel")] == [people, False, True, True]
    assert "the list was last good at" in bob_left.alarms()["list-stale"]

    bob_left.serve(bob_left.signed("bob"))
    assert bob_left.fetch() == 0
    assert [bob_left.gets_in(who) for who in ("ann", "bob", "haechi")] == [True, False, True]
    assert bob_left.alarms() == {}


def test_a_list_that_nobody_signed_anew_is_stale_too(bob_left: Machine) -> None:
    """The server is there and sends the list of last week: its end counts, and the minutes after it."""
    past = datetime.now(UTC) - timedelta(minutes=61)
    week_old = {"issued": stamp(past - timedelta(days=7)), "expires": stamp(past)}
    data = bob_left.signed("bob", **week_old)
    bob_left.sh("cat > /var/lib/haechi/list/list.json", stdin=data.decode())
    bob_left.serve(data)

    assert bob_left.fetch() == 1
    assert [bob_left.gets_in(who) for who in ("ann", "haechi")] == [False, True]


def test_a_clock_that_is_behind_goes_by_the_list(bob_left: Machine) -> None:
    """A list of the future is no reason to refuse anybody: the host's clock is wrong, not the list."""
    ahead = datetime.now(UTC) + timedelta(days=3)
    bob_left.serve(bob_left.signed("bob", issued=stamp(ahead), expires=stamp(ahead + timedelta(days=7))))

    assert bob_left.fetch() == 0
    assert bob_left.gets_in("ann") is True


def test_the_role_lets_people_in_at_once_who_were_kept_out(machine: Machine) -> None:
    """A host without a list refuses them; they do not wait for its next look after the control node brought one."""
    machine.forget()
    machine.serve(None)
    assert machine.fetch() == 1
    assert [machine.gets_in(who) for who in ("ann", "haechi")] == [False, True]
    assert machine.alarms()["list-stale"].endswith("people are refused until it is fresh")

    converge(machine.name)
    assert machine.gets_in("ann")
    assert "list-stale" not in machine.alarms()
