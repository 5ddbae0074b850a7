"""The engine of one process, over a real ledger."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from haechi.hr.engine import EngineError, Handler
from haechi.hr.engine.embedded import LANES, Embedded
from haechi.hr.ledger import Transaction, leases
from haechi.hr.work.order import HostResult, Seen
from tests.unit.hr.ledger.build import Book


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("haechi.hr.engine.embedded.TICK_S", 0.05)


@contextmanager
def working(engine: Embedded, handler: Handler) -> Iterator[Event]:
    """Run the loop beside the test."""
    stopped = Event()
    thread = threading.Thread(target=engine.work, args=(handler, stopped))
    thread.start()
    try:
        yield stopped
    finally:
        stopped.set()
        thread.join(10)
        assert not thread.is_alive()


def soon(condition: Callable[[], bool]) -> bool:
    ends = time.monotonic() + 10
    while not condition() and time.monotonic() < ends:
        time.sleep(0.005)
    return condition()


def works_off(ledger: Book, done: list[int]) -> Handler:
    def handler(number: int) -> None:
        held = ledger.ledger.write(leases.lease, number, "A", 30)
        if held:
            ledger.ledger.write(leases.record, held, {h: HostResult(seen=Seen.UNREACHABLE) for h in held.hosts})
            done.append(number)

    return handler


def test_what_is_due_is_worked_off_and_what_is_submitted_at_once(ledger: Book, tmp_path: Path) -> None:
    engine = Embedded(ledger.ledger, tmp_path / "hr/worker.lock")
    first, done = ledger.begin("hana"), []
    with working(engine, works_off(ledger, done)):
        assert soon(lambda: done == [first])
        second = ledger.begin("bora")

        def submit(transaction: Transaction) -> None:
            engine.submit(transaction.connection, second)

        ledger.ledger.write(submit)
        assert soon(lambda: done == [first, second])
        ledger.clock.move(5)
        assert soon(lambda: sorted(done) == [first, first, second, second])


def test_a_second_worker_is_refused_in_words(ledger: Book, tmp_path: Path) -> None:
    lock = tmp_path / "hr/worker.lock"
    begun = Event()
    ledger.begin()
    with working(Embedded(ledger.ledger, lock), lambda _: begun.set()):
        assert begun.wait(10)
        with pytest.raises(EngineError, match=r"worker\.lock: another worker runs here: stop it first"):
            Embedded(ledger.ledger, lock).work(lambda _: None, Event())
    Embedded(ledger.ledger, lock).work(lambda _: None, stopped())


def stopped() -> Event:
    event = Event()
    event.set()
    return event


def test_one_that_breaks_again_and_again_keeps_no_lane_from_others(
    ledger: Book, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = [ledger.begin(f"p{number}") for number in range(LANES + 1)]
    good, done = ledger.begin("hana"), []

    def handler(number: int) -> None:
        if number in broken:
            raise ZeroDivisionError
        works_off(ledger, done)(number)

    with working(Embedded(ledger.ledger, tmp_path / "worker.lock"), handler):
        assert soon(lambda: done == [good])
    assert "revocation 1: a defect, please report it" in caplog.text


def test_what_runs_is_ended_before_the_engine_returns(ledger: Book, tmp_path: Path) -> None:
    begun, go_on, done = Event(), Event(), []

    def handler(number: int) -> None:
        begun.set()
        go_on.wait(10)
        done.append(number)

    number = ledger.begin()
    with working(Embedded(ledger.ledger, tmp_path / "worker.lock"), handler) as event:
        assert begun.wait(10)
        event.set()
        go_on.set()
    assert done == [number]
