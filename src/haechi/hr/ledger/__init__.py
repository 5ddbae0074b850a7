"""What was asked, and how far it is on every host: SQLAlchemy Core over SQLite or PostgreSQL, one schema for both.

    ledger = open_ledger(path or url)
    ledger.read(views.revocations, unended=True)
    ledger.write(leases.lease, number, owner, 30)

Functions take a ``Transaction`` first; ``Ledger.read`` and ``Ledger.write`` give them one.
"""

from haechi.hr.ledger.core import Ledger, open_ledger
from haechi.hr.ledger.errors import FencedError, LedgerError
from haechi.hr.ledger.transaction import Transaction

__all__ = ["FencedError", "Ledger", "LedgerError", "Transaction", "open_ledger"]
