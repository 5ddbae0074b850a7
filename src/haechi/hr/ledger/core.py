"""The ledger as its users hold it: one transaction a call, tried again where the database was away for a moment.

SQLite and PostgreSQL behave alike: writers take turns, readers never wait for them. Time is the database's own on
PostgreSQL, where several machines must agree on when a lease ran out, and this machine's on SQLite.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import psycopg
from sqlalchemy import URL, Connection, Engine, func, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError

from haechi.hr.database import READING, WAIT_S, engine
from haechi.hr.ledger import schema
from haechi.hr.ledger.errors import LedgerError
from haechi.hr.ledger.transaction import Transaction

P = ParamSpec("P")
T = TypeVar("T")
Clock = Callable[[Connection], datetime]

# A controller that was halted in the middle of a transaction must not hold the turn: PostgreSQL ends its session.
HALTED_S = 15
AWAY_S, PAUSE_S, LONGEST_PAUSE_S = 60.0, 0.1, 2.0
# The writers' turn on PostgreSQL: any number will do that nobody else uses, the inbox least of all.
TURN = int.from_bytes(b"ledger")
# Where an engine keeps its queue: found by its own names, and dropped without touching the ledger's.
QUEUE_SCHEMA = "haechi_queue"
SETTINGS = (
    f"-c lock_timeout={WAIT_S}s -c idle_in_transaction_session_timeout={HALTED_S}s"
    f' -c search_path="$user",public,{QUEUE_SCHEMA}'
)


def local_clock(_connection: Connection) -> datetime:
    """Return this machine's time in UTC."""
    return datetime.now(UTC)


def database_clock(connection: Connection) -> datetime:
    """Return PostgreSQL's time in UTC; not now(), which is when the transaction began: it may have waited its turn."""
    told: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return told.astimezone(UTC)


@dataclass(frozen=True)
class Ledger:
    """An open ledger. Its functions stand in the modules beside this one, and run by ``read`` and ``write``."""

    engine: Engine
    clock: Clock

    def write(self, function: Callable[Concatenate[Transaction, P], T], *arguments: P.args, **options: P.kwargs) -> T:
        """Run a function in a transaction that alone may write; committed and durable when this returns.

        The function runs again where the database went away, so it may do nothing outside its transaction.

        Raises ``LedgerError`` where the database does not come back, and whatever the function raises.
        """
        return self._tried(lambda connection: function(self._turn(connection), *arguments, **options), reading=False)

    def read(self, function: Callable[Concatenate[Transaction, P], T], *arguments: P.args, **options: P.kwargs) -> T:
        """Run a function that only reads. Raises ``LedgerError``, and whatever the function raises."""
        return self._tried(
            lambda connection: function(Transaction(connection, self.clock(connection)), *arguments, **options),
            reading=True,
        )

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    def _turn(self, connection: Connection) -> Transaction:
        if self.engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(TURN)))
        return Transaction(connection, self.clock(connection))

    def _tried(self, work: Callable[[Connection], T], *, reading: bool) -> T:
        ends, pause = time.monotonic() + AWAY_S, PAUSE_S
        while True:
            try:
                with self.engine.connect() as plain, plain.execution_options(**{READING: reading}).begin():
                    return work(plain)
            except DBAPIError as error:
                if not _away(error) or time.monotonic() + pause > ends:
                    raise LedgerError(words(self.engine.url, error)) from error
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)


def open_ledger(where: str | Path, clock: Clock | None = None) -> Ledger:
    """Open the ledger at a path (SQLite) or a PostgreSQL URL, and bring its tables up to date.

    Raises ``LedgerError`` for a place that cannot be opened, and for tables of a newer Haechi.
    """
    ledger = Ledger(database(where), clock or (local_clock if isinstance(where, Path) else database_clock))
    ledger.write(schema.upgrade)
    return ledger


def database(where: str | Path) -> Engine:
    """Return the engine for a path or a URL. Raises ``LedgerError``."""
    if isinstance(where, Path):
        _make(where)
        return engine(URL.create("sqlite", database=str(where)))
    try:
        url = make_url(where)
    except ArgumentError as error:
        raise LedgerError(f"hr.database is no URL: write postgresql://USER@HOST/NAME ({error})") from error
    if url.get_backend_name() != "postgresql":
        raise LedgerError(f"hr.database: {url.get_backend_name()} is not supported: write postgresql://USER@HOST/NAME")
    return engine(url, SETTINGS)


def _make(path: Path) -> None:
    """Make an empty file that only its owner may read, where there is none."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise LedgerError(f"{path}: {error.strerror}: make it writable for the account that runs Haechi") from error


def _away(error: DBAPIError) -> bool:
    """Return whether the database was away: classes 08 and 57 of PostgreSQL's appendix A, or no class at all."""
    original = error.orig
    return error.connection_invalidated or (
        isinstance(original, psycopg.OperationalError) and (original.sqlstate or "08")[:2] in {"08", "57"}
    )


def words(url: URL, error: DBAPIError) -> str:
    """Return a database's error as a person can act on it; the URL's password is not in it."""
    where = url.database if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
    return (
        f"{where}: {str(error.orig).strip().splitlines()[0]}: see that the database runs and has room, then try again"
    )
