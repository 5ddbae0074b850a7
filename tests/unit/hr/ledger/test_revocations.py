"""How leavings begin, wait, are let go on and end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from haechi.hr.ledger import LedgerError, events, leases, matters, revocations, views
from haechi.hr.ledger.revocations import Asked
from haechi.hr.ledger.states import EventState, ItemState, RevocationState
from haechi.hr.signals import Act
from haechi.hr.work.order import HostResult, Seen

from .build import START, Book, envelope

HOUR = timedelta(hours=1)


def state(ledger: Book, number: int) -> str:
    return str(ledger.ledger.read(views.revocation, number).state)


def test_a_leaving_without_a_host_is_refused_since_it_would_count_as_done(ledger: Book) -> None:
    with pytest.raises(LedgerError, match="policy has no managed host"):
        ledger.begin(hosts=())
    assert ledger.ledger.read(views.revocations) == ()


def test_a_later_leaving_begins_at_its_time(ledger: Book) -> None:
    number = ledger.begin(state=RevocationState.WAITING, effective=START + HOUR)
    assert ledger.ledger.read(revocations.due) == ()
    assert not ledger.ledger.write(revocations.start, number, 1)
    ledger.clock.move(3600)
    assert ledger.ledger.read(revocations.due) == (number,)
    assert ledger.ledger.write(revocations.start, number, 1)
    assert state(ledger, number) == "open"


def test_an_earlier_time_counts_and_a_later_one_does_not(ledger: Book) -> None:
    number = ledger.begin(state=RevocationState.WAITING, effective=START + HOUR, act=Act.FREEZE)
    ledger.ledger.write(revocations.hasten, number, Act.LEAVE, START + 2 * HOUR)
    view = ledger.ledger.read(views.revocation, number)
    assert (view.effective, view.act) == (START + HOUR, Act.LEAVE)
    ledger.ledger.write(revocations.hasten, number, Act.FREEZE, START)
    view = ledger.ledger.read(views.revocation, number)
    assert (view.effective, view.act) == (START, Act.LEAVE)


def test_whoever_was_hired_again_is_not_put_out_by_what_was_still_open(ledger: Book) -> None:
    number = ledger.begin(epoch=1)
    assert not ledger.ledger.write(revocations.start, number, 2)
    assert state(ledger, number) == "superseded"
    assert ledger.ledger.read(revocations.due) == ()
    assert ledger.begin(epoch=2) != number


def test_a_paused_leaving_goes_on_when_a_person_says_so(ledger: Book) -> None:
    event = ledger.ledger.write(events.append, envelope(), EventState.ACCEPTED)
    now = ledger.ledger.write(revocations.begin, asked("hana", effective=START), event, ["web1"])
    later = ledger.ledger.write(revocations.begin, asked("bora", effective=START + HOUR), event, ["web1"])
    matter = ledger.ledger.write(matters.open_matter, matters.BREAKER, "two at once", event)
    assert ledger.ledger.read(views.matters)[0].people == ("bora", "hana")
    assert ledger.ledger.read(revocations.due) == ()
    assert ledger.ledger.write(matters.close_matter, matter, ["sora"]) == (now, later)
    assert (state(ledger, now), state(ledger, later)) == ("open", "waiting")
    settled = ledger.ledger.read(views.matters, unsettled=False)[0]
    assert (settled.by, settled.closed) == (("sora",), START)
    with pytest.raises(LedgerError, match="settled already"):
        ledger.ledger.write(matters.close_matter, matter, ["sora"])


def asked(person: str, **changed: object) -> Asked:
    values = {"epoch": 1, "act": Act.LEAVE, "reason": "resigned", "state": RevocationState.PAUSED}
    return Asked(person=person, **{**values, **changed})


def test_whom_a_person_let_go_on_is_not_counted_again(ledger: Book) -> None:
    event = ledger.ledger.write(events.append, envelope(), EventState.ACCEPTED)
    ledger.ledger.write(revocations.begin, asked("hana", effective=START), event, ["web1"])
    assert ledger.ledger.read(views.asked_since, START) == {"hana"}
    assert ledger.ledger.read(views.asked_since, START + timedelta(seconds=1)) == frozenset()
    ledger.ledger.write(revocations.release, event)
    assert ledger.ledger.read(views.asked_since, START) == frozenset()


def test_a_new_host_is_added_to_whatever_has_not_ended(ledger: Book) -> None:
    open_one = ledger.begin("hana", ("web1",))
    waiting = ledger.begin("bora", ("web1",), state=RevocationState.WAITING, effective=START + HOUR)
    closed = ledger.begin("sora", ("web1",))
    held = ledger.ledger.write(leases.lease, closed, "A", 30)
    assert held is not None
    ledger.ledger.write(leases.record, held, {"web1": HostResult(seen=Seen.PROVEN)})
    ledger.ledger.write(revocations.close, closed)
    assert ledger.ledger.write(revocations.add_hosts, ["web1", "new1"]) == (open_one, waiting)
    assert ledger.ledger.write(revocations.add_hosts, ["web1", "new1"]) == ()
    hosts = {view.person: [row.host for row in view.hosts] for view in ledger.ledger.read(views.revocations)}
    assert hosts == {"hana": ["web1", "new1"], "bora": ["web1", "new1"], "sora": ["web1"]}


def test_a_host_that_left_the_inventory_stays_open(ledger: Book) -> None:
    number = ledger.begin()
    ledger.ledger.write(revocations.add_hosts, ["web1"])
    assert [row.host for row in ledger.ledger.read(views.revocation, number).hosts] == ["web1", "db1"]
    assert state(ledger, number) == "open"


def test_a_retired_host_ends_without_counting_as_proven(ledger: Book) -> None:
    number = ledger.begin(hosts=("web1",))
    assert ledger.ledger.write(revocations.retire, "web1", ["boss"], "scrapped") == (number,)
    view = ledger.ledger.read(views.revocation, number)
    assert (str(view.state), view.count(ItemState.PROVEN), view.count(ItemState.RETIRED)) == ("proven", 0, 1)
    assert view.hosts[0].record["retired"] == {"by": ["boss"], "why": "scrapped", "at": START.isoformat()}
    assert view.hosts[0].proven is None
    with pytest.raises(LedgerError, match="nothing is open on web1, and no such host is known"):
        ledger.ledger.write(revocations.retire, "web1", ["boss"], "scrapped")


def test_people_may_ask_for_a_try_at_once(ledger: Book) -> None:
    number = ledger.begin(hosts=("web1",))
    held = ledger.ledger.write(leases.lease, number, "A", 30)
    assert held is not None
    ledger.ledger.write(leases.record, held, {})
    assert ledger.ledger.read(revocations.due) == ()
    assert ledger.ledger.write(revocations.retry, number) == 1
    assert ledger.ledger.read(revocations.due) == (number,)


def test_an_unknown_number_is_told_in_words(ledger: Book) -> None:
    with pytest.raises(LedgerError, match="there is no revocation 7: see `haechi hr status`"):
        ledger.ledger.write(revocations.start, 7, 1)
