"""Hosts that policy ever named while the service ran: one that is lost from it is still a door.

What is taken out of an inventory by mistake before anybody leaves would have no work item, and nobody would miss it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import insert, select, update

from haechi.hr.ledger.tables import HOST
from haechi.hr.ledger.transaction import Transaction


def known(transaction: Transaction) -> frozenset[str]:
    """Return every host that policy named and nobody retired."""
    return frozenset(transaction.connection.scalars(select(HOST.c.name).where(HOST.c.retired.is_(None))))


def lost(transaction: Transaction) -> tuple[str, ...]:
    """Return those of the known ones that policy no longer names."""
    query = select(HOST.c.name).where(HOST.c.retired.is_(None), HOST.c.lost.is_not(None))
    return tuple(transaction.connection.scalars(query.order_by(HOST.c.name)))


def seen(transaction: Transaction, named: Iterable[str]) -> tuple[str, ...]:
    """Remember the hosts that policy names, and return them, then those that it named before and nobody retired.

    One that was retired and is named again is there again.
    """
    names = tuple(named)
    rows = {row.name: row for row in transaction.connection.execute(select(HOST))}
    if new := [name for name in names if name not in rows]:
        transaction.connection.execute(insert(HOST), [{"name": name} for name in new])
    back = [name for name in names if name in rows and (rows[name].lost or rows[name].retired)]
    gone = [row for name, row in rows.items() if name not in names and row.retired is None]
    _mark(transaction, back, None)
    _mark(transaction, [row.name for row in gone if row.lost is None], transaction.now)
    return (*names, *sorted(row.name for row in gone))


def retire(transaction: Transaction, name: str) -> bool:
    """Forget a host that is gone for good, and return whether it was known."""
    change = update(HOST).where(HOST.c.name == name, HOST.c.retired.is_(None)).values(retired=transaction.now)
    return bool(transaction.connection.execute(change).rowcount)


def _mark(transaction: Transaction, names: Collection[str], lost_at: datetime | None) -> None:
    if names:
        change = update(HOST).where(HOST.c.name.in_(names)).values(lost=lost_at, retired=None)
        transaction.connection.execute(change)
