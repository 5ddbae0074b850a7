"""What is shown of a leaving: how each host stands, since when, and what its clock says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from haechi.hr.ledger import revocations
from haechi.hr.ledger.states import RevocationState
from haechi.hr.status import board
from haechi.hr.status.board import Board, Stand
from haechi.hr.work.order import Seen
from haechi.policy.provisioning import Sla
from tests.unit.hr.seeded import Seeded


def look(seeded: Seeded) -> Board:
    return seeded.ledger.read(board.read, Sla(proven_seconds=60, open_minutes=15), {"hana": "이하나"})


@pytest.mark.parametrize(
    ("seen", "stand"),
    [
        (Seen.PROVEN, Stand.PROVEN),
        (Seen.APPLIED, Stand.APPLIED),
        (Seen.UNREACHABLE, Stand.UNREACHABLE),
        (Seen.UNKNOWN, Stand.UNKNOWN),
    ],
)
def test_a_host_stands_as_it_was_seen(seeded: Seeded, seen: Seen, stand: Stand) -> None:
    """Unreachable is not unknown, and neither is proven; one that nobody tried says so."""
    number = seeded.leaving()
    seeded.seen(number, {"app1": seen})
    (row,) = look(seeded).going

    assert {line.view.host: line.stand for line in row.lines} == {
        "gw1": Stand.UNTRIED,
        "app1": stand,
        "db1": Stand.UNTRIED,
    }


def test_a_host_that_is_gone_is_not_proven(seeded: Seeded) -> None:
    """It ends the leaving, and counts as nothing else."""
    number = seeded.leaving()
    seeded.later(12)
    seeded.seen(number, {"gw1": Seen.PROVEN, "app1": Seen.PROVEN})
    seeded.ledger.write(revocations.retire, "db1", ["sora"], "scrapped")
    (row,) = look(seeded).going

    assert row.view.state is RevocationState.PROVEN
    assert (row.count(Stand.PROVEN), row.count(Stand.RETIRED), row.open) == (2, 1, ())
    assert row.seconds == 12


@pytest.mark.parametrize(("passed", "late"), [(59, False), (60, True)])
def test_the_clock_says_when_it_is_late(seeded: Seeded, passed: int, *, late: bool) -> None:
    """At the second that policy names."""
    seeded.leaving()
    seeded.later(passed)
    (row,) = look(seeded).going

    assert row.late is late
    assert row.left == timedelta(seconds=60 - passed)
    assert look(seeded).open_hosts == 3


def test_a_host_that_is_down_has_the_longer_clock(seeded: Seeded) -> None:
    """Nobody can prove it within a minute."""
    number = seeded.leaving()
    seeded.seen(number, {"gw1": Seen.PROVEN, "app1": Seen.PROVEN, "db1": Seen.UNREACHABLE})
    (row,) = look(seeded).going

    assert row.left == timedelta(minutes=15)


def test_what_ended_is_no_more_going_on(seeded: Seeded) -> None:
    """And the newest of it is first."""
    for person in ("hana", "minho"):
        number = seeded.leaving(person)
        seeded.seen(number, dict.fromkeys(("gw1", "app1", "db1"), Seen.PROVEN))
        seeded.ledger.write(revocations.close, number)
    seeded.leaving("sora", state=RevocationState.PAUSED)

    found = look(seeded)

    assert [row.view.person for row in found.going] == ["sora"]
    assert [row.view.person for row in found.over] == ["minho", "hana"]
    assert [row.name for row in found.over] == ["", "이하나"]
    assert (found.open_hosts, found.oldest) == (0, None)


def test_what_needs_somebody_first_comes_first(seeded: Seeded) -> None:
    """Whoever is late, then who is going, then who was stopped, then who waits for a day to come."""
    seeded.leaving("late")
    seeded.later(90)
    seeded.leaving("waits", state=RevocationState.WAITING, effective=seeded.now + timedelta(days=1))
    seeded.leaving("stopped", state=RevocationState.PAUSED)
    seeded.leaving("going")

    assert [row.view.person for row in look(seeded).going] == ["late", "going", "stopped", "waits"]
