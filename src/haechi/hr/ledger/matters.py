"""What waits for a person, and what people were told."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert, select, update

from haechi.hr.ledger import revocations
from haechi.hr.ledger.errors import LedgerError
from haechi.hr.ledger.tables import ALERT, MATTER
from haechi.hr.ledger.transaction import Transaction

BREAKER, JOIN, MOVE, UNMATCHED = "breaker", "join", "move", "unmatched"


def open_matter(transaction: Transaction, kind: str, about: str, event: int | None) -> int:
    """Lay a matter before people, and return its number: that of the same words where they still wait for somebody.

    A breaker's is always one of its own, since it holds back what its message asked for.
    """
    same = (MATTER.c.kind == kind) & (MATTER.c.about == about) & MATTER.c.closed.is_(None)
    there = transaction.connection.scalar(select(MATTER.c.number).where(same)) if kind != BREAKER else None
    if there is not None:
        return int(there)
    row = insert(MATTER).values(kind=kind, about=about, event=event, opened=transaction.now)
    return transaction.add(row)


def close_matter(transaction: Transaction, number: int, by: Sequence[str]) -> tuple[int, ...]:
    """Settle a matter; that of a breaker lets its leavings go on, whose numbers are returned.

    Who may, and that they signed, is asked before. Raises ``LedgerError`` for a matter that is not open.
    """
    row = transaction.connection.execute(select(MATTER).where(MATTER.c.number == number)).one_or_none()
    if row is None or row.closed is not None:
        raise LedgerError(f"matter {number} is {'settled already' if row else 'unknown'}: see `haechi hr status`")
    change = update(MATTER).where(MATTER.c.number == number).values(closed=transaction.now, by=list(by))
    transaction.connection.execute(change)
    return revocations.release(transaction, row.event) if row.kind == BREAKER and row.event is not None else ()


def raise_alert(transaction: Transaction, key: str, text: str) -> bool:
    """Put an alert on record, and return whether people must be told: not while its cause only lasts."""
    found = transaction.connection.execute(select(ALERT).where(ALERT.c.key == key)).one_or_none()
    if found is not None and found.held:
        return False
    values = {"text": text, "raised": transaction.now, "sent": None, "held": True}
    again = update(ALERT).where(ALERT.c.key == key).values(**values)
    transaction.connection.execute(insert(ALERT).values(key=key, **values) if found is None else again)
    return True


def alert_sent(transaction: Transaction, key: str) -> None:
    """Remember that people were told."""
    transaction.connection.execute(update(ALERT).where(ALERT.c.key == key).values(sent=transaction.now))


def alert_over(transaction: Transaction, key: str) -> None:
    """Remember that an alert's cause is gone."""
    transaction.connection.execute(update(ALERT).where(ALERT.c.key == key).values(held=False))
