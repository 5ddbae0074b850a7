"""Opening a ledger: what it is made as, and what is refused in words."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from haechi.hr.ledger import Ledger, LedgerError, Transaction, hosts, open_ledger, revocations, views
from haechi.hr.ledger.schema import VERSION_TABLE
from haechi.hr.ledger.states import RevocationState
from haechi.hr.ledger.tables import METADATA

from .build import Book


def differences(ledger: Ledger) -> list[object]:
    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name != VERSION_TABLE

    with ledger.engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "include_name": ours}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))


def newer(transaction: Transaction) -> None:
    transaction.connection.execute(text("UPDATE haechi_version SET version_num = '99'"))


def broken(transaction: Transaction) -> None:
    transaction.connection.execute(text("DELETE FROM work_item"))
    transaction.connection.execute(text("SELECT no_such_column FROM work_item"))


def test_the_migrations_make_what_the_tables_say(ledger: Book) -> None:
    assert differences(ledger.ledger) == []


def test_a_difference_would_be_seen(ledger: Book) -> None:
    with ledger.ledger.engine.begin() as connection:
        connection.execute(text("ALTER TABLE alert DROP COLUMN held"))
    assert [row[0] for row in differences(ledger.ledger)] == ["add_column"]  # type: ignore[index]


def test_what_was_written_is_there_after_opening_it_again(tmp_path: Path, ledger: Book) -> None:
    ledger.begin()
    again = open_ledger(tmp_path / "state/ledger.sqlite")
    assert [view.person for view in again.read(views.revocations)] == ["hana"]


def test_the_file_is_its_owners_alone_and_syncs_each_commit(tmp_path: Path, ledger: Book) -> None:
    path = tmp_path / "state/ledger.sqlite"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    with ledger.ledger.engine.connect() as connection:
        settings = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS}
    assert settings == PRAGMAS


# https://sqlite.org/pragma.html: synchronous 2 is FULL.
PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}


def test_tables_of_a_newer_haechi_are_left_alone(tmp_path: Path, ledger: Book) -> None:
    ledger.ledger.write(newer)
    with pytest.raises(LedgerError, match="of version 99, and this Haechi knows 2: update Haechi"):
        open_ledger(tmp_path / "state/ledger.sqlite")


def of_version_1(transaction: Transaction) -> None:
    transaction.connection.execute(text("DROP TABLE host"))
    transaction.connection.execute(text("UPDATE haechi_version SET version_num = '1'"))


def test_a_ledger_of_before_knows_the_hosts_of_its_leavings(tmp_path: Path, ledger: Book) -> None:
    ledger.begin(hosts=("web1", "db1", "old1"))
    ledger.begin("bora", hosts=("web1", "old1"))
    ledger.ledger.write(revocations.retire, "old1", ["boss"], "scrapped")
    ledger.ledger.write(of_version_1)
    again = open_ledger(tmp_path / "state/ledger.sqlite")
    assert again.read(hosts.known) == {"web1", "db1"}
    assert differences(again) == []


@pytest.mark.parametrize(
    ("where", "told"), [("mysql://x/y", "mysql is not supported"), ("not a url", "hr.database is no URL")]
)
def test_another_database_is_refused_in_words(where: str, told: str) -> None:
    with pytest.raises(LedgerError, match=told):
        open_ledger(where)


def test_a_folder_that_cannot_be_made_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="make it writable for the account that runs Haechi"):
        open_ledger(tmp_path / "file/ledger.sqlite")


def test_a_transaction_that_fails_writes_nothing(ledger: Book) -> None:
    number = ledger.begin()
    with pytest.raises(LedgerError, match="no_such_column"):
        ledger.ledger.write(broken)
    assert len(ledger.ledger.read(views.revocation, number).hosts) == 2


def test_readers_do_not_wait_for_a_writer(ledger: Book) -> None:
    number = ledger.begin()
    inside, seen = threading.Event(), threading.Event()

    def slow(_transaction: Transaction) -> bool:
        inside.set()
        return seen.wait(10)

    writer = threading.Thread(target=ledger.ledger.write, args=(slow,))
    writer.start()
    assert inside.wait(10)
    assert ledger.ledger.read(views.revocation, number).state is RevocationState.OPEN
    seen.set()
    writer.join()


def test_a_moment_without_a_zone_is_refused(ledger: Book) -> None:
    with pytest.raises(Exception, match="a time without a zone is no instant"):
        ledger.begin(effective=datetime(2026, 1, 1))  # noqa: DTZ001 -- what is refused
