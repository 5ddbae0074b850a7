"""What every function of the ledger works in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Insert


@dataclass(frozen=True)
class Transaction:
    """A connection in a transaction, and the time that counts in it: aware, in UTC."""

    connection: Connection
    now: datetime

    def add(self, row: Insert) -> int:
        """Insert one row, and return its number."""
        return int(self.connection.execute(row).inserted_primary_key[0])  # type: ignore[index] # one row has one key
