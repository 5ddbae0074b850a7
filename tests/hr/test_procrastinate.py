"""The queue in the ledger's own PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from haechi.hr.engine import EngineError
from haechi.hr.engine.procrastinate import Procrastinate
from haechi.hr.ledger import Ledger, Transaction
from tests.hr.site import Setup
from tests.unit.hr.ledger.build import Book, book


def queued(ledger: Ledger) -> list[str]:
    query = text("SELECT queueing_lock FROM haechi_queue.procrastinate_jobs ORDER BY id")
    with ledger.engine.connect() as connection:
        return list(connection.scalars(query))


@pytest.fixture
def queue(setup: Setup) -> Book:
    return book(setup.where)


def submit(transaction: Transaction, engine: Procrastinate, *numbers: int) -> None:
    for number in numbers:
        engine.submit(transaction.connection, number)


def breaks(transaction: Transaction, engine: Procrastinate) -> None:
    engine.submit(transaction.connection, 1)
    raise ZeroDivisionError


def test_a_job_is_committed_with_the_ledger_or_not_at_all(queue: Book) -> None:
    engine = Procrastinate(queue.ledger)
    with pytest.raises(ZeroDivisionError):
        queue.ledger.write(breaks, engine)
    assert queued(queue.ledger) == []
    queue.ledger.write(submit, engine, 1)
    assert queued(queue.ledger) == ["revocation 1"]


def test_a_job_that_waits_already_breaks_no_transaction(queue: Book) -> None:
    engine = Procrastinate(queue.ledger)
    queue.ledger.write(submit, engine, 1, 1, 2)
    queue.ledger.write(submit, engine, 2, 3)
    assert queued(queue.ledger) == ["revocation 1", "revocation 2", "revocation 3"]


def test_a_queue_of_another_version_is_made_anew_and_the_same_one_is_kept(queue: Book) -> None:
    engine = Procrastinate(queue.ledger)
    queue.ledger.write(submit, engine, 1)
    Procrastinate(queue.ledger)
    assert queued(queue.ledger) == ["revocation 1"]
    with queue.ledger.engine.begin() as connection:
        connection.execute(text("COMMENT ON SCHEMA haechi_queue IS '1.0.0'"))
    queue.ledger.write(submit, Procrastinate(queue.ledger), 7)
    assert queued(queue.ledger) == ["revocation 7"]


def test_sqlite_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"needs PostgreSQL: set hr\.database, or `engine: embedded`"):
        Procrastinate(book(tmp_path / "ledger.sqlite").ledger)
