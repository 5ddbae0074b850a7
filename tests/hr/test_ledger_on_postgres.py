"""The unit tests of the ledger, on PostgreSQL: what holds in one database holds in the other."""

from __future__ import annotations

from typing import Any

import pytest

from haechi.hr.ledger import LedgerError, Transaction, hosts, open_ledger, views
from haechi.hr.ledger.core import database_clock
from tests.hr.site import Setup
from tests.postgres import Postgres
from tests.unit.hr.ledger import test_database, test_leases, test_revocations, test_views
from tests.unit.hr.ledger.build import Book, book
from tests.unit.hr.work import test_accept

BOTH: tuple[Any, ...] = (
    *(module for module in (test_leases, test_revocations, test_views, test_accept)),
    test_database.test_the_migrations_make_what_the_tables_say,
    test_database.test_a_transaction_that_fails_writes_nothing,
    test_database.test_readers_do_not_wait_for_a_writer,
    test_database.test_a_moment_without_a_zone_is_refused,
)
# It tries many ledgers, each a copy of one file.
OF_FILES = "test_in_any_order_and_any_number_each_message_counts_once_and_each_leaver_leaves_once"
for _one in BOTH:
    _tests = {_one.__name__: _one} if callable(_one) else vars(_one)
    globals().update({name: test for name, test in _tests.items() if name.startswith("test_") and name != OF_FILES})


def test_tables_of_a_newer_haechi_are_left_alone(postgres: Postgres) -> None:
    where = postgres.fresh()
    open_ledger(where).write(test_database.newer)
    with pytest.raises(LedgerError, match="of version 99, and this Haechi knows 2: update Haechi"):
        open_ledger(where)


def test_a_ledger_of_before_knows_the_hosts_of_its_leavings(postgres: Postgres) -> None:
    where = postgres.fresh()
    book(where).begin(hosts=("web1", "db1"))
    open_ledger(where).write(test_database.of_version_1)
    assert open_ledger(where).read(hosts.known) == {"web1", "db1"}


def test_time_is_the_databases_own(ledger: Book) -> None:
    assert open_ledger(ledger.ledger.engine.url.render_as_string(hide_password=False)).clock is database_clock


def test_a_database_that_fell_is_met_again_without_a_word(postgres: Postgres, setup: Setup) -> None:
    opened = open_ledger(setup.ledger)
    opened.read(views.counts)
    postgres.restart()
    assert opened.read(views.counts) == {"event": {}, "revocation": {}, "work_item": {}}


def test_a_transaction_that_the_fall_broke_is_run_again(postgres: Postgres, setup: Setup) -> None:
    opened = open_ledger(setup.ledger)
    times = []

    def falls(transaction: Transaction) -> int:
        if not times:
            times.append(1)
            postgres.restart()
        return len(views.revocations(transaction))

    assert opened.write(falls) == 0


def test_a_database_that_stays_away_is_told_in_words(
    postgres: Postgres, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("haechi.hr.ledger.core.AWAY_S", 0.5)
    opened = open_ledger(setup.ledger)
    postgres.stop()
    try:
        with pytest.raises(LedgerError, match="see that the database runs and has room, then try again"):
            opened.read(views.counts)
    finally:
        postgres.start()
