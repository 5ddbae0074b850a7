"""When people are woken: by a ledger's facts, at the second, and for nothing else."""

from __future__ import annotations

import pytest

from haechi.hr.alerts import clock, facts
from haechi.hr.ledger import hosts, matters
from haechi.hr.ledger.states import EventState, RevocationState
from haechi.hr.work.order import Seen
from haechi.policy.provisioning import Sla
from tests.unit.hr.seeded import Seeded

SLA = Sla(proven_seconds=60, open_minutes=15)
LATE = "Leaver hana (revocation 1): not proven after 60 s on hosts that may be reached: "


def keys(seeded: Seeded) -> list[str]:
    return [alert.key for alert in clock.due(seeded.ledger.read(facts.read), SLA)]


def words(seeded: Seeded) -> list[str]:
    return [alert.words.en for alert in clock.due(seeded.ledger.read(facts.read), SLA)]


def test_a_minute_without_proof_wakes_people(seeded: Seeded) -> None:
    """At 60 s, and not a second before; what is proven is not named."""
    number = seeded.leaving()
    seeded.seen(number, {"gw1": Seen.PROVEN, "app1": Seen.APPLIED})
    seeded.later(59)

    assert keys(seeded) == []

    seeded.later(1)

    assert words(seeded) == [f"{LATE}app1, db1"]


def test_a_host_that_is_down_does_not_wake_anybody_after_a_minute(seeded: Seeded) -> None:
    """It cannot be proven now; after 15 minutes it is named all the same."""
    number = seeded.leaving()
    seeded.seen(number, {"gw1": Seen.PROVEN, "app1": Seen.PROVEN, "db1": Seen.UNREACHABLE})
    seeded.later(100)

    assert keys(seeded) == []

    seeded.later(800)

    assert words(seeded)[0] == "Leaver hana (revocation 1): still open after 15 min on db1"


def test_a_host_whose_state_is_unknown_counts_as_one_that_may_be_reached(seeded: Seeded) -> None:
    """Unknown is not down."""
    number = seeded.leaving()
    seeded.seen(number, {"gw1": Seen.PROVEN, "app1": Seen.PROVEN, "db1": Seen.UNKNOWN})
    seeded.later(60)

    assert words(seeded) == [f"{LATE}db1"]


def test_what_is_proven_or_waits_has_no_clock(seeded: Seeded) -> None:
    """A leaver of next week is not late, nor is one who is out."""
    number = seeded.leaving()
    seeded.seen(number, dict.fromkeys(("gw1", "app1", "db1"), Seen.PROVEN))
    seeded.leaving("minho", state=RevocationState.PAUSED)
    seeded.later(1000)

    assert keys(seeded) == []


def test_the_clock_begins_when_somebody_lets_a_batch_go_on(seeded: Seeded) -> None:
    """The hours that it waited for a person are not the worker's."""
    event = seeded.message()
    seeded.leaving(state=RevocationState.PAUSED, event=event)
    matter = seeded.matter(matters.BREAKER, event=event)
    seeded.later(7200)
    seeded.ledger.write(matters.close_matter, matter, ["sora"])
    seeded.seen(1, {"gw1": Seen.APPLIED})
    seeded.later(59)

    assert keys(seeded) == []

    seeded.later(1)

    assert keys(seeded) == ["proven:1"]


def test_a_matter_for_people_wakes_them(seeded: Seeded) -> None:
    """Two kinds stop something; joiners and movers can wait for the morning."""
    event = seeded.message()
    seeded.leaving(state=RevocationState.PAUSED, event=event)
    seeded.matter(matters.BREAKER, event=event)
    for kind in (matters.UNMATCHED, matters.JOIN, matters.MOVE):
        seeded.matter(kind)

    assert words(seeded) == [
        "Too many leavers at once: 1 held back until a second person agrees: haechi hr approve write --matter 1",
        "HR spoke of somebody whom policy does not know (matter 2): see haechi hr status",
    ]


def test_work_that_nobody_takes_wakes_people(seeded: Seeded) -> None:
    """After three minutes; who holds a lease is at work, however long it takes."""
    number = seeded.leaving(effective=seeded.now)
    seeded.later(179)

    assert "worker:20261124T090000" not in keys(seeded)

    seeded.later(1)

    assert "worker:20261124T090000" in keys(seeded)

    seeded.seen(number, {"gw1": Seen.UNREACHABLE, "app1": Seen.UNREACHABLE, "db1": Seen.UNREACHABLE})

    assert "worker:20261124T090000" not in keys(seeded)


@pytest.mark.parametrize(("times", "woken"), [(4, []), (5, ["refused:okta:20261124T09"])])
def test_a_source_that_is_refused_again_and_again_wakes_people(seeded: Seeded, times: int, woken: list[str]) -> None:
    """A wrong key or a wrong clock would otherwise lose a leaver in silence."""
    for number in range(times):
        seeded.message("okta", EventState.REFUSED, name=str(number))
    seeded.message("payroll", EventState.REFUSED)

    assert keys(seeded) == woken


def test_refusals_of_an_hour_ago_are_over(seeded: Seeded) -> None:
    """The alert ends by itself."""
    for number in range(9):
        seeded.message("okta", EventState.REFUSED, name=str(number))
    seeded.later(3601)

    assert keys(seeded) == []


def test_a_host_lost_from_policy_wakes_people_until_it_is_back(seeded: Seeded) -> None:
    seeded.ledger.write(hosts.seen, ["app1", "db1"])
    seeded.ledger.write(hosts.seen, ["app1"])
    assert keys(seeded) == ["lost:db1"]
    seeded.ledger.write(hosts.seen, ["app1", "db1"])
    assert keys(seeded) == []
