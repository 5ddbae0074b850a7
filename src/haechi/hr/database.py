"""One way to open the service's databases: what is committed is on the disk, and times are aware and UTC."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import URL, Connection, DateTime, Dialect, Engine, TypeDecorator, create_engine, event
from sqlalchemy.engine import make_url

WAIT_S = 30
# The execution option of a connection that only reads: it takes no lock, and waits for no writer.
READING = "haechi_reading"


class Utc(TypeDecorator[datetime]):
    """An instant. SQLite keeps no time zone, so UTC is what it is given; both databases return aware UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the instant in UTC. A naive one is a defect: it says no instant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone is no instant")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the instant as aware UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def engine(url: str | URL, settings: str = "") -> Engine:
    """Return an engine whose commits survive a power cut; ``settings`` are further ones of a PostgreSQL session.

    SQLite: WAL with ``synchronous=FULL`` (https://sqlite.org/pragma.html#pragma_synchronous), and each transaction
    takes the write lock as it begins, because one that takes it later may be told to begin anew; except ``READING``.
    PostgreSQL: by psycopg 3, whatever driver the URL names, and with ``synchronous_commit`` on.
    Errors name no values: they would be what somebody sent.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        made = create_engine(parsed, connect_args={"timeout": WAIT_S}, hide_parameters=True)
        event.listen(made, "connect", _sqlite)
        event.listen(made, "begin", _begin)
        return made
    options = {"options": f"-c synchronous_commit=on {settings}".strip(), "connect_timeout": WAIT_S}
    driver = parsed.set(drivername="postgresql+psycopg")
    return create_engine(driver, connect_args=options, pool_pre_ping=True, hide_parameters=True)


def _sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver's own BEGIN would be a deferred one; SQLAlchemy's "begin" event says ours instead.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get(READING) else "BEGIN IMMEDIATE")
