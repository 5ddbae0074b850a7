"""Accepted envelopes, committed before anybody is answered: one table, of SQLite or of PostgreSQL.

Who receives can only append; who works reads in order and forgets what the ledger has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Engine,
    Identity,
    Insert,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    delete,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from haechi.hr.database import Utc
from haechi.hr.envelope import Envelope
from haechi.policy.provisioning import SourceKind

METADATA = MetaData()

# A number is never given twice, also after rows were forgotten: SQLite would reuse the highest without AUTOINCREMENT
# (https://sqlite.org/autoinc.html). An identity column needs no right to a sequence, so INSERT alone is enough.
INBOX = Table(
    "inbox",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), Identity(always=True), primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("source", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("received", Utc, nullable=False),
    Column("method", String(16), nullable=False),
    Column("path", Text, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("context", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

# Any number that nothing else in this database locks ("haechi" in ASCII).
APPENDING = 0x686165636869


@dataclass(frozen=True)
class Row:
    """An envelope and its place in the order of arrival."""

    number: int
    envelope: Envelope


class Inbox:
    """The inbox of one database."""

    def __init__(self, engine: Engine) -> None:
        """Take the database; ``haechi.hr.database.engine`` makes one whose commits last."""
        self.engine = engine

    def create(self) -> None:
        """Make the table where there is none. Raises ``sqlalchemy.exc.SQLAlchemyError``."""
        METADATA.create_all(self.engine)

    def admit(self, role: str) -> None:
        """Let a role of PostgreSQL append to the inbox, and do nothing else with it.

        Raises ``sqlalchemy.exc.SQLAlchemyError``, also where there is no such role.
        """
        quoted = self.engine.dialect.identifier_preparer.quote_identifier(role)
        with self.engine.begin() as connection:
            connection.exec_driver_sql(f"REVOKE ALL ON inbox FROM {quoted}")
            connection.exec_driver_sql(f"GRANT INSERT ON inbox TO {quoted}")

    def append(self, envelope: Envelope) -> bool:
        """Keep an envelope; return whether it is new. Either way it is on the disk when this returns.

        Raises ``sqlalchemy.exc.SQLAlchemyError`` where it could not be kept.
        """
        with self.engine.begin() as connection:
            _in_order(connection)
            kept = connection.execute(
                _insert(connection, _values(envelope)), execution_options={"preserve_rowcount": True}
            )
            return kept.rowcount == 1

    def after(self, number: int, limit: int) -> tuple[Row, ...]:
        """Return the first envelopes that came after a number, in order. Raises ``sqlalchemy.exc.SQLAlchemyError``."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(INBOX).where(INBOX.c.number > number).order_by(INBOX.c.number).limit(limit)
            )
            return tuple(_rows(rows.mappings()))

    def forget(self, up_to: int) -> int:
        """Remove the envelopes up to a number, that of the last one that the ledger has; return how many they were."""
        with self.engine.begin() as connection:
            return connection.execute(delete(INBOX).where(INBOX.c.number <= up_to)).rowcount


def _in_order(connection: Connection) -> None:
    """Let numbers become visible in their order: or a reader would pass one by whose transaction ends later."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(APPENDING)))


def _insert(connection: Connection, values: dict[str, Any]) -> Insert:
    # To name the column that conflicts, or to be told the number, asks for the right to read (PostgreSQL, INSERT).
    if connection.dialect.name == "postgresql":
        return postgresql.insert(INBOX).inline().values(values).on_conflict_do_nothing()
    return sqlite.insert(INBOX).values(values).on_conflict_do_nothing()


def _values(envelope: Envelope) -> dict[str, Any]:
    columns = (column.name for column in INBOX.c if column.name != "number")
    return {name: getattr(envelope, name) for name in columns}


def _rows(found: Any) -> Iterator[Row]:
    for row in found:
        values = {**row}
        number = values.pop("number")
        yield Row(number, Envelope(**{**values, "kind": SourceKind(values["kind"])}))
