"""What people and pages see of the ledger: plain values, read in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, Table, func, select

from haechi.hr.ledger.errors import LedgerError
from haechi.hr.ledger.matters import BREAKER
from haechi.hr.ledger.states import ItemState, RevocationState
from haechi.hr.ledger.tables import ALERT, EVENT, MATTER, REVOCATION, WORK_ITEM
from haechi.hr.ledger.transaction import Transaction
from haechi.hr.signals import Act


@dataclass(frozen=True, kw_only=True)
class HostView:
    """One host of one leaving. ``record`` is what the last run showed of it; ``due`` when it is tried again."""

    host: str
    state: ItemState
    due: datetime
    tries: int
    token: int
    leased_by: str | None
    leased_until: datetime | None
    applied: datetime | None
    proven: datetime | None
    reasons: tuple[str, ...]
    record: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RevocationView:
    """One leaving with all its hosts. ``event`` is the number of the message that asked for it."""

    number: int
    person: str
    epoch: int
    act: Act
    reason: str
    event: int | None
    asked: datetime
    effective: datetime
    state: RevocationState
    released: datetime | None
    closed: datetime | None
    hosts: tuple[HostView, ...]

    def count(self, state: ItemState) -> int:
        """Return how many hosts stand so."""
        return sum(host.state is state for host in self.hosts)


@dataclass(frozen=True)
class Standing:
    """Where one leaving stands."""

    number: int
    state: RevocationState


@dataclass(frozen=True, kw_only=True)
class EventView:
    """One message as it is on record; its raw bytes are asked for by ``body``."""

    number: int
    id: str
    source: str
    kind: str
    received: datetime
    issued: datetime | None
    accepted: datetime
    sha256: str
    headers: Mapping[str, str]
    context: Mapping[str, Any]
    state: str
    why: str


@dataclass(frozen=True, kw_only=True)
class MatterView:
    """What waits for a person, or did. ``people`` are those whose leaving a breaker holds back."""

    number: int
    kind: str
    about: str
    event: int | None
    opened: datetime
    closed: datetime | None
    by: tuple[str, ...]
    people: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AlertView:
    """What people were told, or are to be: ``held`` while its cause lasts."""

    key: str
    text: str
    raised: datetime
    sent: datetime | None
    held: bool


def revocations(transaction: Transaction, *, unended: bool = False) -> tuple[RevocationView, ...]:
    """Return the leavings, newest first; with ``unended`` those that are not closed."""
    query = select(REVOCATION).order_by(REVOCATION.c.number.desc())
    return _revocations(transaction, query.where(REVOCATION.c.state != RevocationState.CLOSED) if unended else query)


def revocation(transaction: Transaction, number: int) -> RevocationView:
    """Return one leaving. Raises ``LedgerError`` where there is none."""
    found = _revocations(transaction, select(REVOCATION).where(REVOCATION.c.number == number))
    if not found:
        raise LedgerError(f"there is no revocation {number}: see `haechi hr status`")
    return found[0]


def of_person(transaction: Transaction, person: str) -> tuple[RevocationView, ...]:
    """Return the leavings of one person, newest first."""
    query = select(REVOCATION).where(REVOCATION.c.person == person).order_by(REVOCATION.c.number.desc())
    return _revocations(transaction, query)


def standing(transaction: Transaction, people: Iterable[str]) -> Mapping[tuple[str, int], Standing]:
    """Return where the leavings of some people stand, by person and epoch."""
    columns = (REVOCATION.c.person, REVOCATION.c.epoch, REVOCATION.c.number, REVOCATION.c.state)
    query = select(*columns).where(REVOCATION.c.person.in_(sorted(people)))
    return {
        (row.person, row.epoch): Standing(row.number, RevocationState(row.state))
        for row in transaction.connection.execute(query)
    }


def asked_since(transaction: Transaction, since: datetime) -> frozenset[str]:
    """Return whose leaving was asked for from a moment on; whom a second person let go on does not count."""
    recent = (REVOCATION.c.asked >= since) & REVOCATION.c.released.is_(None)
    return frozenset(transaction.connection.scalars(select(REVOCATION.c.person).where(recent)))


def events(transaction: Transaction, most: int = 100) -> tuple[EventView, ...]:
    """Return the newest messages, newest first."""
    rows = transaction.connection.execute(_EVENTS.order_by(EVENT.c.number.desc()).limit(most))
    return tuple(EventView(**row._mapping) for row in rows)  # noqa: SLF001 -- SQLAlchemy's public name for it


def event(transaction: Transaction, number: int) -> EventView:
    """Return one message. Raises ``LedgerError`` where there is none."""
    row = transaction.connection.execute(_EVENTS.where(EVENT.c.number == number)).one_or_none()
    if row is None:
        raise LedgerError(f"there is no event {number}: see `haechi hr status`")
    return EventView(**row._mapping)  # noqa: SLF001 -- as above


def body(transaction: Transaction, number: int) -> bytes:
    """Return a message's raw bytes. Raises ``LedgerError`` where there is none."""
    found: bytes | None = transaction.connection.scalar(select(EVENT.c.body).where(EVENT.c.number == number))
    if found is None:
        raise LedgerError(f"there is no event {number}: see `haechi hr status`")
    return found


def matters(transaction: Transaction, *, unsettled: bool = True) -> tuple[MatterView, ...]:
    """Return what waits for a person, oldest first; without ``unsettled`` what was settled too."""
    query = select(MATTER).order_by(MATTER.c.number)
    rows = transaction.connection.execute(query.where(MATTER.c.closed.is_(None)) if unsettled else query).all()
    return tuple(
        MatterView(
            number=row.number,
            kind=row.kind,
            about=row.about,
            event=row.event,
            opened=row.opened,
            closed=row.closed,
            by=tuple(row.by),
            people=_held_back(transaction, row),
        )
        for row in rows
    )


def alerts(transaction: Transaction, *, unsent: bool = False) -> tuple[AlertView, ...]:
    """Return the alerts, oldest first; with ``unsent`` those that people were not told yet."""
    query = select(ALERT.c.key, ALERT.c.text, ALERT.c.raised, ALERT.c.sent, ALERT.c.held).order_by(ALERT.c.number)
    rows = transaction.connection.execute(query.where(ALERT.c.sent.is_(None)) if unsent else query)
    return tuple(AlertView(**row._mapping) for row in rows)  # noqa: SLF001 -- as above


def counts(transaction: Transaction) -> Mapping[str, Mapping[str, int]]:
    """Return how many rows stand in each state: of ``event``, ``revocation`` and ``work_item``."""
    return {table.name: _by_state(transaction, table) for table in (EVENT, REVOCATION, WORK_ITEM)}


def _by_state(transaction: Transaction, table: Table) -> dict[str, int]:
    query = select(table.c.state, func.count().label("number")).group_by(table.c.state)
    return {row.state: row.number for row in transaction.connection.execute(query)}


_EVENTS = select(*(column for column in EVENT.c if column.name != "body"))


def _held_back(transaction: Transaction, row: Row[Any]) -> tuple[str, ...]:
    if row.kind != BREAKER or row.event is None:
        return ()
    paused = (REVOCATION.c.event == row.event) & (REVOCATION.c.state == RevocationState.PAUSED)
    query = select(REVOCATION.c.person).where(paused).order_by(REVOCATION.c.person)
    return tuple(transaction.connection.scalars(query))


def _revocations(transaction: Transaction, query: Select[Any]) -> tuple[RevocationView, ...]:
    rows = transaction.connection.execute(query).all()
    # By a subquery: after years the numbers are more than a statement takes as parameters.
    numbers = query.with_only_columns(REVOCATION.c.number).order_by(None)
    items = select(WORK_ITEM).where(WORK_ITEM.c.revocation.in_(numbers))
    hosts: dict[int, list[HostView]] = {row.number: [] for row in rows}
    for item in transaction.connection.execute(items.order_by(WORK_ITEM.c.number)):
        hosts[item.revocation].append(_host(item))
    return tuple(_view(row, hosts[row.number]) for row in rows)


def _view(row: Row[Any], hosts: Iterable[HostView]) -> RevocationView:
    return RevocationView(
        number=row.number,
        person=row.person,
        epoch=row.epoch,
        act=Act(row.act),
        reason=row.reason,
        event=row.event,
        asked=row.asked,
        effective=row.effective,
        state=RevocationState(row.state),
        released=row.released,
        closed=row.closed,
        hosts=tuple(hosts),
    )


def _host(row: Row[Any]) -> HostView:
    return HostView(
        host=row.target,
        state=ItemState(row.state),
        due=row.due,
        tries=row.tries,
        token=row.token,
        leased_by=row.leased_by,
        leased_until=row.leased_until,
        applied=row.applied,
        proven=row.proven,
        reasons=tuple(row.reasons),
        record=row.record,
    )
