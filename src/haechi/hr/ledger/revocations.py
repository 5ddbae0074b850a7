"""Leavings in the ledger: opened with an item for every host, let go on, and ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, insert, select, update

from haechi.hr.ledger import hosts
from haechi.hr.ledger.errors import LedgerError
from haechi.hr.ledger.states import ENDED, ItemState, RevocationState, move_item, move_revocation
from haechi.hr.ledger.tables import REVOCATION, WORK_ITEM
from haechi.hr.ledger.transaction import Transaction
from haechi.hr.signals import Act

# What still gains the hosts that are new.
UNENDED = (RevocationState.WAITING, RevocationState.PAUSED, RevocationState.OPEN)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One leaving as it is to stand in the ledger. ``state`` is waiting, paused or open."""

    person: str
    epoch: int
    act: Act
    reason: str
    effective: datetime
    state: RevocationState


def begin(transaction: Transaction, asked: Asked, event: int | None, targets: Sequence[str]) -> int:
    """Put a leaving on record with one item per host, and return its number.

    Raises ``LedgerError`` without a host: nothing would be left to prove, and it would count as done.
    """
    if not targets:
        raise LedgerError("policy has no managed host, so nothing could be proven: mend the inventory first")
    row = insert(REVOCATION).values(
        person=asked.person,
        epoch=asked.epoch,
        act=asked.act,
        reason=asked.reason,
        event=event,
        asked=transaction.now,
        effective=asked.effective,
        state=asked.state,
    )
    number = transaction.add(row)
    _add(transaction, number, targets)
    return number


def hasten(transaction: Transaction, number: int, act: Act, effective: datetime) -> None:
    """Bring a leaving forward, never back: an earlier time counts, and to leave is more than to be frozen."""
    row = _row(transaction, number)
    sooner = min(row.effective, effective)
    final = Act.LEAVE if Act.LEAVE in {row.act, act} else Act(row.act)
    _set(transaction, number, effective=sooner, act=final)


def start(transaction: Transaction, number: int, epoch: int) -> bool:
    """Open a leaving whose time has come, and return whether there is one to work on: it is open or proven now.

    ``epoch`` is the employment that the person is in; a leaving of an earlier one is over.
    """
    row = _row(transaction, number)
    if row.epoch < epoch and row.state in UNENDED:
        _move(transaction, number, row.state, RevocationState.SUPERSEDED, closed=transaction.now)
        return False
    if row.state == RevocationState.WAITING and row.effective <= transaction.now:
        _move(transaction, number, row.state, RevocationState.OPEN)
        return True
    return row.state in {RevocationState.OPEN, RevocationState.PROVEN}


def release(transaction: Transaction, event: int) -> tuple[int, ...]:
    """Let go on whatever a message paused, and return the numbers; what has a later time waits for it."""
    query = select(REVOCATION).where(REVOCATION.c.event == event, REVOCATION.c.state == RevocationState.PAUSED)
    rows = transaction.connection.execute(query.order_by(REVOCATION.c.number)).all()
    for row in rows:
        later = row.effective > transaction.now
        after = RevocationState.WAITING if later else RevocationState.OPEN
        _move(transaction, row.number, row.state, after, released=transaction.now)
    return tuple(row.number for row in rows)


def add_hosts(transaction: Transaction, targets: Iterable[str]) -> tuple[int, ...]:
    """Give every leaving that is not ended an item for each host that it lacks; return those that gained one."""
    gained = []
    for number in _numbers(transaction, *UNENDED):
        query = select(WORK_ITEM.c.target).where(WORK_ITEM.c.revocation == number)
        there = set(transaction.connection.scalars(query))
        if new := [host for host in targets if host not in there]:
            _add(transaction, number, new)
            gained.append(number)
    return tuple(gained)


def retire(transaction: Transaction, host: str, by: Sequence[str], why: str) -> tuple[int, ...]:
    """End the open items of a host that is gone for good, and return their leavings; they never count as proven.

    Raises ``LedgerError`` where nothing is open on the host, and none of that name was known.
    """
    query = select(WORK_ITEM).where(WORK_ITEM.c.target == host, WORK_ITEM.c.state.not_in(ENDED))
    rows = transaction.connection.execute(query.order_by(WORK_ITEM.c.number)).all()
    if not hosts.retire(transaction, host) and not rows:
        raise LedgerError(f"nothing is open on {host}, and no such host is known: see `haechi hr status`")
    retired = {"by": list(by), "why": why, "at": transaction.now.isoformat()}
    for row in rows:
        values = {"state": move_item(row.state, ItemState.RETIRED), "record": {**row.record, "retired": retired}}
        transaction.connection.execute(update(WORK_ITEM).where(WORK_ITEM.c.number == row.number).values(**values))
    for number in {row.revocation for row in rows}:
        settle(transaction, number)
    return tuple(sorted({row.revocation for row in rows}))


def settle(transaction: Transaction, number: int) -> None:
    """Call an open leaving proven when every host of it is proven or retired."""
    unended = exists().where(WORK_ITEM.c.revocation == number, WORK_ITEM.c.state.not_in(ENDED))
    row = _row(transaction, number)
    if row.state == RevocationState.OPEN and not transaction.connection.scalar(select(unended)):
        _move(transaction, number, row.state, RevocationState.PROVEN)


def close(transaction: Transaction, number: int) -> None:
    """Close a proven leaving, whose bundle is written; one that another controller closed already stays so.

    Raises ``LedgerError`` for any other.
    """
    row = _row(transaction, number)
    if row.state != RevocationState.CLOSED:
        _move(transaction, number, row.state, RevocationState.CLOSED, closed=transaction.now)


def due(transaction: Transaction) -> tuple[int, ...]:
    """Return the leavings that somebody could work on now, oldest first."""
    now = transaction.now
    ready = exists().where(WORK_ITEM.c.revocation == REVOCATION.c.number, is_due(now))
    query = select(REVOCATION.c.number).where(
        (REVOCATION.c.state == RevocationState.PROVEN)
        | ((REVOCATION.c.state == RevocationState.WAITING) & (REVOCATION.c.effective <= now))
        | ((REVOCATION.c.state == RevocationState.OPEN) & ready)
    )
    return tuple(transaction.connection.scalars(query.order_by(REVOCATION.c.number)))


def is_due(now: datetime) -> ColumnElement[bool]:
    """Return the condition of an item that nobody works on: due, or leased by somebody whose time ran out."""
    waiting = WORK_ITEM.c.state.in_((ItemState.PENDING, ItemState.APPLIED)) & (WORK_ITEM.c.due <= now)
    left = (WORK_ITEM.c.state == ItemState.LEASED) & (WORK_ITEM.c.leased_until <= now)
    return waiting | left


def retry(transaction: Transaction, number: int) -> int:
    """Make every host that waits due at once, and return how many; people ask for it. Raises ``LedgerError``."""
    _row(transaction, number)
    waiting = WORK_ITEM.c.state.in_((ItemState.PENDING, ItemState.APPLIED))
    change = update(WORK_ITEM).where(WORK_ITEM.c.revocation == number, waiting).values(due=transaction.now)
    return transaction.connection.execute(change).rowcount


def _add(transaction: Transaction, number: int, targets: Iterable[str]) -> None:
    rows = [
        {"revocation": number, "target": host, "state": ItemState.PENDING, "due": transaction.now} for host in targets
    ]
    transaction.connection.execute(insert(WORK_ITEM), rows)


def _numbers(transaction: Transaction, *states: RevocationState) -> list[int]:
    query = select(REVOCATION.c.number).where(REVOCATION.c.state.in_(states)).order_by(REVOCATION.c.number)
    return list(transaction.connection.scalars(query))


def _row(transaction: Transaction, number: int) -> Row[Any]:
    row = transaction.connection.execute(select(REVOCATION).where(REVOCATION.c.number == number)).one_or_none()
    if row is None:
        raise LedgerError(f"there is no revocation {number}: see `haechi hr status`")
    return row


def _move(transaction: Transaction, number: int, before: str, after: RevocationState, **values: datetime) -> None:
    _set(transaction, number, state=move_revocation(before, after), **values)


def _set(transaction: Transaction, number: int, **values: datetime | str) -> None:
    transaction.connection.execute(update(REVOCATION).where(REVOCATION.c.number == number).values(**values))
