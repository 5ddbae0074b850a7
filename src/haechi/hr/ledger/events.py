"""Messages in the ledger: each once, whatever number of times it comes in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, insert, select

from haechi.hr.database import Utc
from haechi.hr.envelope import Envelope
from haechi.hr.ledger.states import EventState
from haechi.hr.ledger.tables import EVENT
from haechi.hr.ledger.transaction import Transaction


def known(transaction: Transaction, event_id: str) -> int | None:
    """Return the number under which a message is in the ledger; None for one that is new."""
    found: int | None = transaction.connection.scalar(select(EVENT.c.number).where(EVENT.c.id == event_id))
    return found


def last_issued(transaction: Transaction, source: str) -> datetime | None:
    """Return when the newest roster of a source was made, by its own word; None before the first."""
    found: datetime | None = transaction.connection.scalar(
        select(func.max(EVENT.c.issued, type_=Utc)).where(EVENT.c.source == source)
    )
    return found


def append(
    transaction: Transaction, envelope: Envelope, state: EventState, why: str = "", issued: datetime | None = None
) -> int:
    """Put a message on record with its raw bytes, and return its number; ``known`` was asked before."""
    row = insert(EVENT).values(
        id=envelope.id,
        source=envelope.source,
        kind=envelope.kind,
        received=envelope.received,
        issued=issued,
        accepted=transaction.now,
        sha256=envelope.sha256,
        headers=dict(envelope.headers),
        context=dict(envelope.context),
        body=envelope.body,
        state=state,
        why=why,
    )
    return transaction.add(row)
