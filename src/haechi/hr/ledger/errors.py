"""What the ledger refuses, in words that say how to mend it."""

from __future__ import annotations


class LedgerError(Exception):
    """The ledger cannot be reached, read or changed as asked; nothing was written."""


class FencedError(LedgerError):
    """Somebody else holds the lease by now; nothing was written."""
