"""The inbox keeps an envelope once, in order, and for good; whoever may only append can do no more."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError

import haechi.hr.inbox as inbox_module
from haechi.hr.database import engine
from haechi.hr.envelope import Envelope
from haechi.hr.inbox import Inbox
from haechi.policy.provisioning import SourceKind
from tests.postgres import Postgres, postgres

__all__ = ["postgres"]

FIRST = Envelope(
    id="first",
    source="hr",
    kind=SourceKind.WEBHOOK,
    received=datetime(2026, 11, 26, 18, 0, tzinfo=timezone(timedelta(hours=9))),
    body=b"\x00\xff not text",
    headers={"webhook-id": "1"},
    path="/hook/hr",
    context={"before": None, "after": {"userName": "\ud558\ub098"}},
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.exhaustive)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = engine(f"sqlite:///{tmp_path / 'inbox.sqlite'}")
    else:
        server: Postgres = request.getfixturevalue("postgres")
        made = engine(server.fresh())
    Inbox(made).create()
    yield made
    made.dispose()


def test_what_is_kept_comes_back_as_it_was(database: Engine) -> None:
    inbox = Inbox(database)
    assert inbox.append(FIRST)
    (row,) = inbox.after(0, 10)
    assert row.envelope == FIRST
    assert row.envelope.received.utcoffset() == timedelta(0)


def test_a_duplicate_is_known_as_one(database: Engine) -> None:
    inbox = Inbox(database)
    assert [inbox.append(FIRST), inbox.append(FIRST)] == [True, False]
    assert len(inbox.after(0, 10)) == 1


def test_rows_come_in_order_and_in_part(database: Engine) -> None:
    inbox = Inbox(database)
    for name in ("a", "b", "c"):
        inbox.append(replace(FIRST, id=name))
    first, second = inbox.after(0, 2)
    assert (first.envelope.id, second.envelope.id) == ("a", "b")
    assert [row.envelope.id for row in inbox.after(second.number, 2)] == ["c"]


def test_a_number_is_never_given_twice(database: Engine) -> None:
    inbox = Inbox(database)
    inbox.append(FIRST)
    (row,) = inbox.after(0, 10)
    assert inbox.forget(row.number) == 1
    inbox.append(replace(FIRST, id="second"))
    assert [later.envelope.id for later in inbox.after(row.number, 10)] == ["second"]


def test_another_process_sees_what_was_committed(tmp_path: Path) -> None:
    inbox = Inbox(engine(f"sqlite:///{tmp_path / 'inbox.sqlite'}"))
    inbox.create()
    inbox.append(FIRST)
    with sqlite3.connect(tmp_path / "inbox.sqlite") as other:
        assert other.execute("SELECT id FROM inbox").fetchall() == [("first",)]
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_sqlite_writes_through_at_each_commit(tmp_path: Path) -> None:
    with engine(f"sqlite:///{tmp_path / 'inbox.sqlite'}").connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_full_disk_is_an_error_and_keeps_nothing(tmp_path: Path) -> None:
    made = engine(f"sqlite:///{tmp_path / 'inbox.sqlite'}")
    inbox = Inbox(made)
    inbox.create()
    with made.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OperationalError, match="full") as caught:
        inbox.append(replace(FIRST, body=b"x" * 100_000, path="/what-somebody-sent"))
    assert "what-somebody-sent" not in str(caught.value)
    assert inbox.after(0, 10) == ()


@pytest.mark.exhaustive
def test_the_receivers_role_appends_and_can_do_no_more(postgres: Postgres) -> None:
    url = postgres.fresh()
    owner = engine(url)
    with owner.begin() as connection:
        connection.execute(text("CREATE ROLE receiver LOGIN"))
    inbox = Inbox(owner)
    inbox.create()
    inbox.admit("receiver")
    other = engine(url.replace("haechi@", "receiver@"))
    assert [Inbox(other).append(FIRST), Inbox(other).append(FIRST)] == [True, False]
    for forbidden in ("SELECT id FROM inbox", "DELETE FROM inbox", "UPDATE inbox SET id = 'x'", "TRUNCATE inbox"):
        with pytest.raises(ProgrammingError, match="permission denied"), other.begin() as connection:
            connection.execute(text(forbidden))
    assert len(inbox.after(0, 10)) == 1


@pytest.mark.exhaustive
def test_a_reader_passes_no_row_by_that_is_committed_late(postgres: Postgres) -> None:
    made = engine(postgres.fresh())
    inbox = Inbox(made)
    inbox.create()
    with ThreadPoolExecutor() as pool, made.begin() as slow:
        inbox_module._in_order(slow)
        slow.execute(inbox_module._insert(slow, inbox_module._values(FIRST)))
        later = pool.submit(inbox.append, replace(FIRST, id="second"))
        wait([later], timeout=0.5)
        assert inbox.after(0, 10) == ()
        slow.commit()
        assert later.result(10)
    assert [row.envelope.id for row in inbox.after(0, 10)] == ["first", "second"]


def test_a_time_without_zone_is_refused(tmp_path: Path) -> None:
    inbox = Inbox(engine(f"sqlite:///{tmp_path / 'inbox.sqlite'}"))
    inbox.create()
    with pytest.raises(Exception, match="without a zone"):
        inbox.append(replace(FIRST, received=datetime(2026, 1, 1)))  # noqa: DTZ001
    assert inbox.append(replace(FIRST, received=datetime(2026, 1, 1, tzinfo=UTC)))
