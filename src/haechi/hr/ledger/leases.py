"""Who works on which hosts, for how long, and what came of it: every word is fenced by the lease's token.

A lease that ran out may be taken over. From then on the earlier holder writes nothing more, however late it wakes up:
the token, which only rises, has moved on.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update

from haechi.hr.ledger import revocations
from haechi.hr.ledger.errors import FencedError
from haechi.hr.ledger.states import AFTER, ItemState, move_item, next_due
from haechi.hr.ledger.tables import REVOCATION, WORK_ITEM
from haechi.hr.ledger.transaction import Transaction
from haechi.hr.work.order import HostResult, Seen

MISSING = HostResult(seen=Seen.UNKNOWN, reasons=("the run gave no result for this host",))


@dataclass(frozen=True, kw_only=True)
class Lease:
    """Some hosts of one leaving, held by one worker. ``nonce`` is new with each lease, so no old result fits it."""

    revocation: int
    person: str
    token: int
    hosts: tuple[str, ...]
    nonce: str
    owner: str
    began: datetime


def lease(transaction: Transaction, number: int, owner: str, seconds: float) -> Lease | None:
    """Lease every due host of an open leaving that nobody holds; None where there is none."""
    connection = transaction.connection
    mine = (WORK_ITEM.c.revocation == number) & revocations.is_due(transaction.now)
    is_open = select(REVOCATION.c.person).where(REVOCATION.c.number == number, REVOCATION.c.state == "open")
    person = connection.scalar(is_open)
    rows = connection.execute(select(WORK_ITEM).where(mine).order_by(WORK_ITEM.c.number)).all() if person else []
    if not rows:
        return None
    highest = connection.scalar(select(func.max(WORK_ITEM.c.token)).where(WORK_ITEM.c.revocation == number))
    held = Lease(
        revocation=number,
        person=str(person),
        token=(highest or 0) + 1,
        hosts=tuple(row.target for row in rows),
        nonce=secrets.token_hex(16),
        owner=owner,
        began=transaction.now,
    )
    for row in rows:
        move_item(row.state, ItemState.LEASED)
    until = transaction.now + timedelta(seconds=seconds)
    values = {"state": ItemState.LEASED, "token": held.token, "leased_by": owner, "leased_until": until}
    connection.execute(update(WORK_ITEM).where(_of(held)).values(**values))
    return held


def extend(transaction: Transaction, held: Lease, seconds: float) -> None:
    """Hold a lease for ``seconds`` from now. Raises ``FencedError`` when somebody took it over."""
    _held(transaction, held)
    until = transaction.now + timedelta(seconds=seconds)
    mine = _of(held) & (WORK_ITEM.c.state == ItemState.LEASED)
    transaction.connection.execute(update(WORK_ITEM).where(mine).values(leased_until=until))


def record(
    transaction: Transaction, held: Lease, results: Mapping[str, HostResult], unstarted: Collection[str] = ()
) -> None:
    """Write what was seen of each host, and end the lease; a host without a result counts as unknown.

    ``unstarted`` hosts are given back: due at once, and no try is counted.

    Raises ``FencedError`` when somebody took the lease over.
    """
    for row in _held(transaction, held):
        # A host that was retired meanwhile stays so.
        if row.state == ItemState.LEASED:
            back = {**_free(row, ItemState.PENDING), "due": transaction.now}
            seen = _seen(row, results.get(row.target, MISSING), held, transaction.now)
            values = back if row.target in unstarted else seen
            transaction.connection.execute(update(WORK_ITEM).where(WORK_ITEM.c.number == row.number).values(**values))
    revocations.settle(transaction, held.revocation)


def _of(held: Lease) -> ColumnElement[bool]:
    return (WORK_ITEM.c.revocation == held.revocation) & WORK_ITEM.c.target.in_(held.hosts)


def _held(transaction: Transaction, held: Lease) -> Sequence[Row[Any]]:
    rows = transaction.connection.execute(select(WORK_ITEM).where(_of(held)).order_by(WORK_ITEM.c.number)).all()
    if later := [row for row in rows if row.token != held.token]:
        names = ", ".join(f"{row.target} by {row.leased_by or 'nobody any more'}" for row in later)
        raise FencedError(f"lease {held.token} of revocation {held.revocation} ran out and was taken over: {names}")
    return rows


def _free(row: Row[Any], after: ItemState) -> dict[str, Any]:
    return {"state": move_item(row.state, after), "leased_by": None, "leased_until": None}


def _seen(row: Row[Any], result: HostResult, held: Lease, now: datetime) -> dict[str, Any]:
    """Return the columns for what was seen. Only a result that says so makes a host proven."""
    tries = row.tries + 1
    told = {"seen": result.seen, "nonce": held.nonce, "shut_s": result.shut_s, "proven_s": result.proven_s}
    shut = result.seen in {Seen.APPLIED, Seen.PROVEN}
    shut_s = result.proven_s if result.shut_s is None else result.shut_s
    return {
        **_free(row, AFTER[result.seen]),
        "due": next_due(now, tries),
        "tries": tries,
        "applied": row.applied or (_at(held, shut_s, now) if shut else None),
        "proven": _at(held, result.proven_s, now) if result.seen is Seen.PROVEN else None,
        "reasons": list(result.reasons),
        "record": {**result.record, **told},
    }


def _at(held: Lease, seconds: float | None, now: datetime) -> datetime:
    """Return when something was seen; a run tells seconds since it began, which was after its lease."""
    return now if seconds is None else min(now, held.began + timedelta(seconds=seconds))
