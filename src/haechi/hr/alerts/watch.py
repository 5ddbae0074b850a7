"""The loop that wakes people. It only reads what revocations do, and runs beside them: no channel can hold one up."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from haechi.hr.alerts import clock, facts
from haechi.hr.alerts.channels import JOURNAL, Channel, ChannelError, Letter
from haechi.hr.alerts.clock import Alert
from haechi.hr.ledger import Ledger, LedgerError, Transaction, matters, views
from haechi.hr.ledger.states import pause
from haechi.policy.provisioning import Sla

EVERY_S = 5.0
LOCK = "alerts.lock"


@dataclass
class Watch:
    """Looks, remembers in the ledger what people must hear, and tells them: each alert once by each channel.

    After a restart a channel may tell again what another one had failed to tell: rather twice than never. The worker
    and the page both look; of the processes of one machine that share ``folder`` one tells, and another takes over.
    """

    ledger: Ledger
    sla: Sla
    site: str
    channels: tuple[Channel, ...]
    folder: Path
    told: set[tuple[str, str]] = field(default_factory=set)
    waits: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    _turn: int | None = None

    def run(self, stopped: Event) -> None:
        """Look every few seconds until ``stopped``."""
        while not stopped.wait(EVERY_S):
            self.look()

    def look(self) -> None:
        """Look once, where no other process does. What goes wrong is logged, and ends nobody who calls this."""
        try:
            if self._my_turn():
                self.once()
        except (LedgerError, OSError) as error:
            JOURNAL.error("alerts are late: %s", error)

    def once(self) -> None:
        """Look once. Raises ``LedgerError``."""
        found = clock.due(self.ledger.read(facts.read), self.sla)
        held = {row.key for row in self.ledger.read(views.alerts) if row.held}
        # Writers take turns, and revocations are what they wait for: none is taken where nothing changed.
        if held != {alert.key for alert in found}:
            self.ledger.write(_remember, found)
        for row in self.ledger.read(views.alerts, unsent=True):
            if self._deliver(Letter(site=self.site, key=row.key, text=row.text, raised=row.raised)):
                self.ledger.write(matters.alert_sent, row.key)

    def _deliver(self, letter: Letter) -> bool:
        """Return whether every channel has told it by now."""
        left = [channel for channel in self.channels if (channel.name, letter.key) not in self.told]
        for channel in left:
            tries, due = self.waits.get(channel.name, (0, datetime.min.replace(tzinfo=UTC)))
            now = datetime.now(UTC)
            if now < due:
                continue
            try:
                channel.send(letter)
            except ChannelError as error:
                self.waits[channel.name] = (tries + 1, now + pause(tries + 1))
                JOURNAL.error("alerts by %s are late: %s", channel.name, error)
            else:
                self.waits.pop(channel.name, None)
                self.told.add((channel.name, letter.key))
        return all((channel.name, letter.key) in self.told for channel in self.channels)

    def _my_turn(self) -> bool:
        """Return whether this process tells; it does until it ends, when the lock falls to the next."""
        if self._turn is None:
            handle = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                return False
            self._turn = handle
        return True


def _remember(transaction: Transaction, found: Collection[Alert]) -> None:
    """Put what is due on record, and what is due no more."""
    standing = {alert.key for alert in found}
    for row in views.alerts(transaction):
        if row.held and row.key not in standing:
            matters.alert_over(transaction, row.key)
    for alert in found:
        matters.raise_alert(transaction, alert.key, f"{alert.words.en}\n{alert.words.ko}")
