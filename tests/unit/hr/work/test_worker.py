"""The worker over a ledger of its own: what it takes in, what it asks for, and what it believes."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from threading import Event

import pytest

from haechi.hr.inbox import Row
from haechi.hr.ledger import leases, views
from haechi.hr.ledger.states import ItemState, RevocationState
from haechi.hr.signals import Act
from haechi.hr.work.order import HostResult, Order, Outcome, Seen
from haechi.hr.work.ports import InboxError
from haechi.hr.work.worker import Terms
from haechi.tombstones import Rehire, Store
from tests.unit.hr.ledger.build import Book, envelope

from .build import Kept, Played, Post, Submitted, all_proven, says, sight, worker

UNSTOPPED = Event()


def state(ledger: Book, number: int) -> str:
    return str(ledger.ledger.read(views.revocation, number).state)


def test_a_leaver_is_ordered_out_of_every_host_and_closed_with_evidence(ledger: Book) -> None:
    executor, witness = Played(), Kept()
    number = ledger.begin()
    worker(ledger, executor=executor, witness=witness).handle(number, UNSTOPPED)
    ((order),) = executor.orders
    assert (order.person, order.hosts, order.unknown) == ("hana", ("web1", "db1"), False)
    assert len(order.nonce) == 32
    assert (witness.runs, witness.ends) == ([order.nonce], ["hana"])
    assert state(ledger, number) == "closed"


def test_whoever_was_taken_out_of_policy_meanwhile_is_put_out_all_the_same(ledger: Book) -> None:
    executor = Played()
    worker(ledger, executor=executor).handle(ledger.begin("gone"), UNSTOPPED)
    assert [(order.person, order.unknown) for order in executor.orders] == [("gone", True)]


def test_a_run_that_failed_says_why_at_each_host_and_in_the_journal(
    ledger: Book, caplog: pytest.LogCaptureFixture
) -> None:
    number = ledger.begin()
    worker(ledger, executor=Played(lambda *_: Outcome(hosts={}, fault="ansible-runner failed"))).handle(
        number, UNSTOPPED
    )
    rows = ledger.ledger.read(views.revocation, number).hosts
    assert [(str(row.state), row.reasons) for row in rows] == [("pending", ("ansible-runner failed",))] * 2
    assert f"revocation {number}: ansible-runner failed" in caplog.text


def test_a_host_that_was_not_ordered_is_not_believed(ledger: Book) -> None:
    def boasts(order: Order, cancelled: Event) -> Outcome:
        done = all_proven(replace(order, hosts=("web1", "other")), cancelled)
        return Outcome(hosts=done.hosts)

    number = ledger.begin()
    worker(ledger, executor=Played(boasts)).handle(number, UNSTOPPED)
    rows = {row.host: str(row.state) for row in ledger.ledger.read(views.revocation, number).hosts}
    assert rows == {"web1": "proven", "db1": "pending"}


def test_what_no_evidence_could_be_kept_of_does_not_count(ledger: Book) -> None:
    number = ledger.begin()
    worker(ledger, witness=Kept(full="run")).handle(number, UNSTOPPED)
    view = ledger.ledger.read(views.revocation, number)
    assert view.count(ItemState.PROVEN) == 0
    assert view.hosts[0].reasons == ("bundles: the disk is full: free space and run again",)


def test_a_bundle_that_could_not_be_written_is_written_later(ledger: Book) -> None:
    number, witness, executor = ledger.begin(), Kept(full="end"), Played()
    made = worker(ledger, executor=executor, witness=witness)
    made.handle(number, UNSTOPPED)
    assert state(ledger, number) == "proven"
    witness.full = ""
    made.handle(number, UNSTOPPED)
    assert (state(ledger, number), witness.ends, len(executor.orders)) == ("closed", ["hana"], 1)


def test_whoever_was_hired_again_is_left_alone(ledger: Book) -> None:
    executor = Played()
    number = ledger.begin(epoch=1)
    again = Store(sequence=2, rehires=(Rehire("hana", 2, 2, "2026-11-20T00:00:00+00:00"),))
    worker(ledger, executor=executor, sight=lambda: sight(again)).handle(number, UNSTOPPED)
    assert (executor.orders, state(ledger, number)) == ([], "superseded")


def test_a_result_that_comes_after_the_lease_was_taken_over_is_not_written(ledger: Book) -> None:
    number = ledger.begin()

    def sleeps(order: Order, cancelled: Event) -> Outcome:
        ledger.clock.move(31)
        assert ledger.ledger.write(leases.lease, number, "B", 30) is not None
        return all_proven(order, cancelled)

    worker(ledger, executor=Played(sleeps)).handle(number, UNSTOPPED)
    view = ledger.ledger.read(views.revocation, number)
    assert {(row.state, row.leased_by) for row in view.hosts} == {(ItemState.LEASED, "B")}


def test_a_run_ends_when_its_lease_was_taken_over(ledger: Book) -> None:
    number = ledger.begin()

    def taken_over() -> bool:
        # The worker's own heart may beat between these two lines, and then it keeps its lease once more.
        ledger.clock.move(1)
        return ledger.ledger.write(leases.lease, number, "B", 30) is not None

    def waits(order: Order, cancelled: Event) -> Outcome:
        assert any(taken_over() for _ in range(100))
        assert cancelled.wait(10)
        return Outcome(hosts={}, fault=f"cancelled {order.person}")

    worker(ledger, executor=Played(waits), terms=Terms(lease=0.3, rest=0)).handle(number, UNSTOPPED)
    assert {row.leased_by for row in ledger.ledger.read(views.revocation, number).hosts} == {"B"}


def test_a_long_run_keeps_its_lease(ledger: Book) -> None:
    number = ledger.begin()

    def long(order: Order, cancelled: Event) -> Outcome:
        before = ledger.ledger.read(views.revocation, number).hosts[0].leased_until
        ledger.clock.move(0.2)
        ends = time.monotonic() + 10
        while ledger.ledger.read(views.revocation, number).hosts[0].leased_until == before:
            assert time.monotonic() < ends
            time.sleep(0.01)
        return all_proven(order, cancelled)

    worker(ledger, executor=Played(long), terms=Terms(lease=0.3, rest=0)).handle(number, UNSTOPPED)
    assert state(ledger, number) == "closed"


def test_a_stopped_worker_ends_its_run_after_a_grace_and_gives_the_rest_back(ledger: Book) -> None:
    number, stopped = ledger.begin(), Event()

    def half(order: Order, cancelled: Event) -> Outcome:
        stopped.set()
        assert cancelled.wait(10)
        return Outcome(hosts={"web1": HostResult(seen=Seen.PROVEN)}, fault=f"cancelled {order.person}")

    worker(ledger, executor=Played(half)).handle(number, stopped)
    rows = ledger.ledger.read(views.revocation, number).hosts
    assert [(str(row.state), row.tries, row.leased_by) for row in rows] == [("proven", 1, None), ("pending", 0, None)]


def test_messages_leave_the_inbox_once_the_ledger_has_them(ledger: Book) -> None:
    post, engine = Post(), Submitted()
    post.put(says(Act.LEAVE, "hana"), says(Act.LEAVE, "hana", "again"), envelope("x", body=b"forged bora"))
    assert worker(ledger, engine=engine).pull(post) == 3
    assert (post.rows, engine.numbers) == ([], [1, 1])
    assert [row.state for row in ledger.ledger.read(views.events)] == ["refused", "accepted", "accepted"]


def test_a_message_that_cannot_be_judged_now_holds_up_no_leaver_and_is_told_once(
    ledger: Book, caplog: pytest.LogCaptureFixture
) -> None:
    post = Post()
    post.put(envelope("x", body=b"later sora"), says(Act.LEAVE, "hana"))
    made = worker(ledger)
    assert made.pull(post) == 1
    assert [view.person for view in ledger.ledger.read(views.revocations)] == ["hana"]
    assert [row.number for row in post.rows] == [1, 2]
    assert made.pull(post) == 0
    assert caplog.text.count("a message from hr: keys: cannot be fetched") == 1


def test_more_messages_than_a_batch_are_all_taken(ledger: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("haechi.hr.work.worker.BATCH", 2)
    post = Post()
    post.put(*(says(Act.NOTE, "hana", f"m{number}") for number in range(5)))
    assert worker(ledger).pull(post) == 5
    assert post.rows == []


def test_hosts_that_policy_gained_are_added(ledger: Book) -> None:
    number = ledger.begin()
    worker(ledger, sight=lambda: sight(hosts=("web1", "db1", "new1"))).refresh()
    assert [row.host for row in ledger.ledger.read(views.revocation, number).hosts] == ["web1", "db1", "new1"]


def test_a_defect_in_one_of_its_threads_ends_the_worker_loudly(ledger: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("haechi.hr.work.worker.WATCH_S", 0.01)
    stopped = Event()
    with pytest.raises(ZeroDivisionError, match="a defect"):
        worker(ledger, watch=broken).run(stopped)
    assert stopped.is_set()


def test_an_inbox_that_is_away_is_told_once_and_asked_again(
    ledger: Book, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("haechi.hr.work.worker.PULL_S", 0.001)
    stopped, times = Event(), []

    class Away(Post):
        def after(self, number: int, limit: int) -> list[Row]:
            del number, limit
            times.append(1)
            if len(times) == 5:
                stopped.set()
            raise InboxError("edge1: no route: see that it is up")

    worker(ledger, inboxes=[Away()]).run(stopped)
    assert len(times) == 5
    assert caplog.text.count("edge1: no route: see that it is up; tried again") == 1


def test_run_takes_a_message_from_the_inbox_to_its_end(ledger: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("haechi.hr.work.worker.PULL_S", 0.01)
    post, stopped, witness = Post(), Event(), Kept()
    post.put(says(Act.LEAVE, "hana"))
    made = worker(ledger, inboxes=[post], witness=witness)
    thread = threading.Thread(target=made.run, args=(stopped,))
    thread.start()
    ends = time.monotonic() + 10
    while not ledger.ledger.read(views.revocations) and time.monotonic() < ends:
        time.sleep(0.01)
    made.handle(1, stopped)
    stopped.set()
    thread.join(10)
    assert not thread.is_alive()
    assert (state(ledger, 1), witness.ends) == (str(RevocationState.CLOSED), ["hana"])
