"""A ledger with leavings in it, at a time of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from haechi.hr.envelope import Envelope, identifier
from haechi.hr.ledger import Ledger, events, leases, matters, open_ledger, revocations
from haechi.hr.ledger.revocations import Asked
from haechi.hr.ledger.states import EventState, RevocationState
from haechi.hr.signals import Act
from haechi.hr.work.order import HostResult, Seen
from haechi.policy.provisioning import SourceKind

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOSTS = ("gw1", "app1", "db1")


@dataclass
class Seeded:
    """A ledger whose clock the test turns."""

    folder: Path
    now: datetime = START

    def __post_init__(self) -> None:
        """Open it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ledger: Ledger = open_ledger(self.folder / "ledger.sqlite", lambda _: self.now)

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def message(self, source: str = "payroll", state: EventState = EventState.ACCEPTED, name: str = "") -> int:
        """Take a message on record."""
        envelope = Envelope(
            id=identifier(source, name or f"{self.now.isoformat()}"),
            source=source,
            kind=SourceKind.WEBHOOK,
            received=self.now,
            body=b"{}",
        )
        return self.ledger.write(events.append, envelope, state, "")

    def leaving(
        self, person: str = "hana", event: int | None = None, hosts: tuple[str, ...] = HOSTS, **other: object
    ) -> int:
        """Begin a leaving, open from now on unless ``other`` says something else of it."""
        usual = {"reason": "resigned", "effective": self.now, "state": RevocationState.OPEN}
        asked = Asked(person=person, epoch=1, act=Act.LEAVE, **(usual | other))
        return self.ledger.write(revocations.begin, asked, event, hosts)

    def seen(self, number: int, results: Mapping[str, Seen], reasons: tuple[str, ...] = ()) -> None:
        """Let a run see hosts; those it says nothing of are given back."""
        held = self.ledger.write(leases.lease, number, "worker", 60)
        assert held is not None
        told = {host: HostResult(seen=seen, reasons=reasons) for host, seen in results.items()}
        self.ledger.write(leases.record, held, told, [host for host in held.hosts if host not in results])

    def matter(self, kind: str, about: str = "", event: int | None = None) -> int:
        """Lay something before people."""
        return self.ledger.write(matters.open_matter, kind, about, event)
