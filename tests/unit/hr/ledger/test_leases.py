"""Who may work on a host and write what came of it, whatever the order in which workers die and wake up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from haechi.hr.ledger import FencedError, leases, revocations, views
from haechi.hr.ledger.leases import Lease
from haechi.hr.ledger.states import ItemState, RevocationState
from haechi.hr.work.order import HostResult, Seen

from .build import START, Book

PROVEN = HostResult(seen=Seen.PROVEN)


def leased(ledger: Book, number: int, owner: str = "A") -> Lease:
    held = ledger.ledger.write(leases.lease, number, owner, 30)
    assert held is not None
    return held


def states(ledger: Book, number: int) -> dict[str, str]:
    return {row.host: str(row.state) for row in ledger.ledger.read(views.revocation, number).hosts}


def test_a_lease_holds_every_due_host_and_nobody_gets_a_second(ledger: Book) -> None:
    number = ledger.begin()
    held = leased(ledger, number)
    assert (held.person, held.hosts, held.token, held.began) == ("hana", ("web1", "db1"), 1, START)
    assert ledger.ledger.write(leases.lease, number, "B", 30) is None
    assert ledger.ledger.read(revocations.due) == ()


def test_proven_everywhere_ends_a_leaving(ledger: Book) -> None:
    number = ledger.begin()
    ledger.ledger.write(leases.record, leased(ledger, number), {"web1": PROVEN, "db1": PROVEN})
    view = ledger.ledger.read(views.revocation, number)
    assert view.state is RevocationState.PROVEN
    assert view.count(ItemState.PROVEN) == 2
    assert ledger.ledger.read(revocations.due) == (number,)
    ledger.ledger.write(revocations.close, number)
    ledger.ledger.write(revocations.close, number)
    assert ledger.ledger.read(revocations.due) == ()
    assert ledger.ledger.read(views.revocation, number).closed == START


def test_a_host_without_a_result_is_unknown_and_tried_again(ledger: Book) -> None:
    number = ledger.begin()
    ledger.ledger.write(leases.record, leased(ledger, number), {"web1": PROVEN})
    row = ledger.ledger.read(views.revocation, number).hosts[1]
    assert (row.host, row.state, row.tries, row.due - START) == ("db1", ItemState.PENDING, 1, timedelta(seconds=5))
    assert row.reasons == ("the run gave no result for this host",)
    assert ledger.ledger.read(revocations.due) == ()
    ledger.clock.move(5)
    assert leased(ledger, number).hosts == ("db1",)


@pytest.mark.parametrize("seen", [Seen.UNREACHABLE, Seen.UNKNOWN, Seen.APPLIED])
def test_what_was_not_seen_as_proven_leaves_the_leaving_open(ledger: Book, seen: Seen) -> None:
    number = ledger.begin(hosts=("web1",))
    ledger.ledger.write(leases.record, leased(ledger, number), {"web1": HostResult(seen=seen, reasons=("so",))})
    view = ledger.ledger.read(views.revocation, number)
    assert view.state is RevocationState.OPEN
    assert (view.hosts[0].proven, view.hosts[0].reasons) == (None, ("so",))
    assert (view.hosts[0].applied is not None) is (seen is Seen.APPLIED)


def test_when_a_host_was_shut_and_proven_counts_from_the_lease(ledger: Book) -> None:
    number = ledger.begin(hosts=("web1",))
    held = leased(ledger, number)
    ledger.clock.move(20)
    result = HostResult(seen=Seen.PROVEN, shut_s=1.5, proven_s=2.5, record={"status": "denied"})
    ledger.ledger.write(leases.record, held, {"web1": result})
    row = ledger.ledger.read(views.revocation, number).hosts[0]
    assert (row.applied, row.proven) == (START + timedelta(seconds=1.5), START + timedelta(seconds=2.5))
    assert row.record == {
        "status": "denied",
        "seen": "proven",
        "nonce": held.nonce,
        "shut_s": 1.5,
        "proven_s": 2.5,
    }


def test_a_run_cannot_say_that_it_was_proven_in_the_future(ledger: Book) -> None:
    number = ledger.begin(hosts=("web1",))
    ledger.ledger.write(leases.record, leased(ledger, number), {"web1": HostResult(seen=Seen.PROVEN, proven_s=900)})
    assert ledger.ledger.read(views.revocation, number).hosts[0].proven == START


def test_a_lease_that_is_extended_is_not_taken_over(ledger: Book) -> None:
    number = ledger.begin()
    held = leased(ledger, number)
    ledger.clock.move(29)
    ledger.ledger.write(leases.extend, held, 30)
    ledger.clock.move(29)
    assert ledger.ledger.write(leases.lease, number, "B", 30) is None
    ledger.clock.move(1)
    assert leased(ledger, number, "B").token == 2


def test_whoever_was_taken_over_writes_nothing_more(ledger: Book) -> None:
    number = ledger.begin()
    late = leased(ledger, number)
    ledger.clock.move(30)
    held = leased(ledger, number, "B")
    for word in (lambda: ledger.ledger.write(leases.extend, late, 30), lambda: record(ledger, late)):
        with pytest.raises(
            FencedError, match=r"lease 1 of revocation \d+ ran out and was taken over: web1 by B, db1 by B"
        ):
            word()
    assert states(ledger, number) == {"web1": "leased", "db1": "leased"}
    record(ledger, held)
    with pytest.raises(FencedError, match="by nobody any more"):
        record(ledger, late)


def record(ledger: Book, held: Lease) -> None:
    ledger.ledger.write(leases.record, held, dict.fromkeys(held.hosts, PROVEN))


def test_a_lease_taken_over_in_part_writes_nothing_at_all(ledger: Book) -> None:
    number = ledger.begin()
    late = leased(ledger, number)
    ledger.clock.move(30)
    ledger.ledger.write(revocations.retire, "db1", ["boss"], "scrapped")
    assert leased(ledger, number, "B").hosts == ("web1",)
    with pytest.raises(FencedError):
        record(ledger, late)
    assert states(ledger, number) == {"web1": "leased", "db1": "retired"}


def test_a_lease_that_ran_out_and_was_not_taken_over_still_counts(ledger: Book) -> None:
    number = ledger.begin()
    held = leased(ledger, number)
    ledger.clock.move(300)
    record(ledger, held)
    assert states(ledger, number) == {"web1": "proven", "db1": "proven"}


def test_a_result_written_twice_is_written_once(ledger: Book) -> None:
    """The answer of a commit may be lost with the connection, and then the same words come again."""
    number = ledger.begin()
    held = leased(ledger, number)
    results = {"web1": PROVEN, "db1": HostResult(seen=Seen.UNREACHABLE)}
    ledger.ledger.write(leases.record, held, results)
    ledger.ledger.write(leases.record, held, results)
    rows = ledger.ledger.read(views.revocation, number).hosts
    assert [(str(row.state), row.tries) for row in rows] == [("proven", 1), ("pending", 1)]


def test_what_a_stopped_worker_did_not_begin_is_due_at_once(ledger: Book) -> None:
    number = ledger.begin()
    ledger.ledger.write(leases.record, leased(ledger, number), {"web1": PROVEN}, ["db1"])
    row = ledger.ledger.read(views.revocation, number).hosts[1]
    assert (row.state, row.tries, row.reasons) == (ItemState.PENDING, 0, ())
    assert leased(ledger, number, "B").hosts == ("db1",)


def test_no_two_leases_share_a_nonce(ledger: Book) -> None:
    first, second = ledger.begin("hana"), ledger.begin("bora")
    assert leased(ledger, first).nonce != leased(ledger, second).nonce


@pytest.mark.parametrize("state", ["waiting", "paused"])
def test_what_may_not_run_yet_is_not_leased(ledger: Book, state: str) -> None:
    number = ledger.begin(state=RevocationState(state), effective=START + timedelta(hours=1))
    assert ledger.ledger.write(leases.lease, number, "A", 30) is None
