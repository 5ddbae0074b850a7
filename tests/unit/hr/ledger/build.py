"""Ledgers at a time of the test's choosing, and leavings to put into them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from haechi.hr.envelope import Envelope, identifier
from haechi.hr.ledger import Ledger, open_ledger, revocations
from haechi.hr.ledger.revocations import Asked
from haechi.hr.ledger.states import RevocationState
from haechi.hr.signals import Act
from haechi.policy.provisioning import SourceKind

START = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
HOSTS = ("web1", "db1")


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = START

    def __call__(self, _connection: Connection) -> datetime:
        """Return the time."""
        return self.now

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Book:
    """A ledger and its clock."""

    ledger: Ledger
    clock: Clock

    def begin(self, person: str = "hana", hosts: tuple[str, ...] = HOSTS, **changed: object) -> int:
        """Put a leaving on record, open since now unless told otherwise."""
        values = {"epoch": 1, "act": Act.LEAVE, "reason": "resigned", "effective": self.clock.now}
        asked = Asked(person=person, **{"state": RevocationState.OPEN, **values, **changed})
        return self.ledger.write(revocations.begin, asked, None, hosts)


def book(where: Path | str) -> Book:
    """Open a ledger whose clock stands."""
    clock = Clock()
    return Book(open_ledger(where, clock), clock)


def envelope(name: str = "m1", source: str = "hr", body: bytes = b"{}") -> Envelope:
    """Return a message that was accepted."""
    return Envelope(id=identifier(source, name), source=source, kind=SourceKind.WEBHOOK, received=START, body=body)
