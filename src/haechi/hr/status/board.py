"""What the page and the command line show of the ledger, in words of people: one reading, pure but for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select

from haechi.hr.alerts.clock import begins, last_seen
from haechi.hr.ledger import Transaction, views
from haechi.hr.ledger.states import ENDED, ItemState, RevocationState
from haechi.hr.ledger.tables import REVOCATION
from haechi.hr.ledger.views import AlertView, HostView, MatterView, RevocationView
from haechi.hr.work.order import Seen
from haechi.policy.provisioning import Sla

RECENT = 20
# What needs somebody first comes first.
ORDER = (RevocationState.OPEN, RevocationState.PROVEN, RevocationState.PAUSED, RevocationState.WAITING)
OVER = (RevocationState.CLOSED, RevocationState.SUPERSEDED)


class Stand(StrEnum):
    """How a host of a leaving stands, as people say it."""

    UNTRIED = "untried"
    WORKING = "working"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"
    APPLIED = "applied"
    PROVEN = "proven"
    RETIRED = "retired"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One host of a leaving; ``seconds`` is how long the proof took from the clock's begin."""

    view: HostView
    stand: Stand
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """One leaving as of ``now``: ``late`` says that the SLA is broken, ``left`` how much time it gives yet."""

    view: RevocationView
    name: str
    begins: datetime
    lines: tuple[Line, ...]
    late: bool
    left: timedelta
    now: datetime

    @property
    def open(self) -> tuple[Line, ...]:
        """Return what is not ended, the worst known first."""
        order = (Stand.UNKNOWN, Stand.UNREACHABLE, Stand.APPLIED, Stand.UNTRIED, Stand.WORKING)
        rows = [line for line in self.lines if line.view.state not in ENDED]
        return tuple(sorted(rows, key=lambda line: order.index(line.stand)))

    @property
    def ended(self) -> tuple[Line, ...]:
        """Return what is proven or retired, in policy's order."""
        return tuple(line for line in self.lines if line.view.state in ENDED)

    def count(self, stand: Stand) -> int:
        """Return how many hosts stand so; a template names it by its word."""
        return sum(line.stand == stand for line in self.lines)

    @property
    def seconds(self) -> float | None:
        """Return after how many seconds the last host was proven; None while one is open, or where none was."""
        found = [line.seconds for line in self.lines if line.seconds is not None]
        return max(found) if found and not self.open else None


@dataclass(frozen=True, kw_only=True)
class Board:
    """Everything at a glance, as of ``now``."""

    now: datetime
    going: tuple[Leaving, ...]
    over: tuple[Leaving, ...]
    matters: tuple[MatterView, ...]
    alerts: tuple[AlertView, ...]

    @property
    def open_hosts(self) -> int:
        """Return how many hosts are open of leavings whose clock runs."""
        return sum(len(row.open) for row in self.going if row.view.state is RevocationState.OPEN)

    @property
    def oldest(self) -> datetime | None:
        """Return since when the oldest open leaving is open."""
        return min((row.begins for row in self.going if row.view.state is RevocationState.OPEN), default=None)


def read(transaction: Transaction, sla: Sla, names: Mapping[str, str]) -> Board:
    """Return the board; ``names`` are the display names of policy by id."""
    over = select(REVOCATION.c.number).where(REVOCATION.c.state.in_(OVER)).order_by(REVOCATION.c.number.desc())
    recent = [views.revocation(transaction, number) for number in transaction.connection.scalars(over.limit(RECENT))]
    going = [
        leaving(view, sla, names, transaction.now)
        for view in views.revocations(transaction, unended=True)
        if view.state not in OVER
    ]
    return Board(
        now=transaction.now,
        going=tuple(sorted(going, key=lambda row: (not row.late, ORDER.index(row.view.state), row.begins))),
        over=tuple(leaving(view, sla, names, transaction.now) for view in recent),
        matters=views.matters(transaction),
        alerts=views.alerts(transaction)[-RECENT:][::-1],
    )


def one(transaction: Transaction, number: int, sla: Sla, names: Mapping[str, str]) -> Leaving:
    """Return one leaving. Raises ``LedgerError`` where there is none."""
    return leaving(views.revocation(transaction, number), sla, names, transaction.now)


def leaving(view: RevocationView, sla: Sla, names: Mapping[str, str], now: datetime) -> Leaving:
    """Return a leaving as people see it at a moment."""
    began = begins(view)
    lines = tuple(
        Line(
            view=host,
            stand=_stand(host),
            seconds=max(0.0, (host.proven - began).total_seconds()) if host.proven else None,
        )
        for host in view.hosts
    )
    left = began + _allowed(lines, sla) - now
    going = view.state is RevocationState.OPEN and any(line.view.state not in ENDED for line in lines)
    late = going and left <= timedelta()
    return Leaving(view=view, name=names.get(view.person, ""), begins=began, lines=lines, late=late, left=left, now=now)


def _allowed(lines: tuple[Line, ...], sla: Sla) -> timedelta:
    """Return how long the clock gives: where all that is open cannot be reached, the longer of the two."""
    answering = [
        line for line in lines if line.view.state not in ENDED and last_seen(line.view) is not Seen.UNREACHABLE
    ]
    return timedelta(seconds=sla.proven_seconds) if answering else timedelta(minutes=sla.open_minutes)


def _stand(host: HostView) -> Stand:
    if host.state in {ItemState.PROVEN, ItemState.RETIRED, ItemState.APPLIED}:
        return Stand(host.state)
    if host.state is ItemState.LEASED:
        return Stand.WORKING
    seen = last_seen(host)
    # What is pending after a run that said "proven" or "applied" was not kept as such: it is not known.
    return {None: Stand.UNTRIED, Seen.UNREACHABLE: Stand.UNREACHABLE}.get(seen, Stand.UNKNOWN)
