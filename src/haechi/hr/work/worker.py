"""The worker: pulls the inboxes, decides, carries out, records. It may be killed at any moment and go on elsewhere.

A message leaves its inbox only after the ledger has it; a host is proven only by a result under a lease that still
counts; a lease that cannot be extended ends its run.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Event

from haechi.hr.engine import Engine
from haechi.hr.envelope import Envelope
from haechi.hr.ledger import FencedError, Ledger, LedgerError, leases, revocations, views
from haechi.hr.ledger.leases import Lease
from haechi.hr.ledger.states import RevocationState
from haechi.hr.signals import UnavailableError
from haechi.hr.work import desk
from haechi.hr.work.accept import Read, accept
from haechi.hr.work.decide import Sight
from haechi.hr.work.heartbeat import holding
from haechi.hr.work.order import Executor, HostResult, Order, Outcome, Seen
from haechi.hr.work.ports import InboxError, InboxSource, Witness, WitnessError

LOG = logging.getLogger("haechi.hr")
BATCH = 100
PULL_S, WATCH_S, REFRESH_S = 1.0, 5.0, 30.0


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How long things take, in seconds. A stopped worker lets its runs end for ``grace``."""

    lease: float = 30
    grace: float = 20
    rest: float = 30


@dataclass(frozen=True, kw_only=True)
class Worker:
    """One worker process. ``owner`` names it in the ledger; ``watch`` looks after alerts every few seconds.

    ``sight`` raises ``UnavailableError`` where policy or tombstones cannot be read.
    """

    owner: str
    ledger: Ledger
    engine: Engine
    executor: Executor
    witness: Witness
    inboxes: Sequence[InboxSource]
    read: Read
    sight: Callable[[], Sight]
    watch: Callable[[], None]
    terms: Terms = Terms()
    _resting: dict[int, float] = field(default_factory=dict, init=False)
    _told: set[str] = field(default_factory=set, init=False)

    def run(self, stopped: Event) -> None:
        """Work until ``stopped`` is set. Whatever ends one of its threads ends the worker, with that error."""
        # A thread for each inbox, so that one that does not answer delays no leaver of another.
        sides: list[Callable[[Event], None]] = [self._watching, self._refreshing]
        sides += [partial(self._pulling, inbox) for inbox in self.inboxes]
        with ThreadPoolExecutor(len(sides), thread_name_prefix="side") as pool:
            running = [pool.submit(side, stopped) for side in sides]
            for side in running:
                side.add_done_callback(lambda _: stopped.set())
            try:
                self.engine.work(lambda number: self.handle(number, stopped), stopped)
            finally:
                stopped.set()
        for side in running:
            side.result()

    def handle(self, number: int, stopped: Event) -> None:
        """Work off what is due of one leaving; what cannot be done now is due again later."""
        if time.monotonic() < self._resting.get(number, 0):
            return
        # First, so that a defect below rests too instead of being met every second.
        self._resting[number] = time.monotonic() + self.terms.rest
        try:
            self._handle(number, stopped)
        except (LedgerError, UnavailableError, WitnessError) as error:
            LOG.warning("revocation %s: %s; tried again in %s s", number, error, self.terms.rest)
        else:
            self._resting.pop(number, None)

    def pull(self, inbox: InboxSource) -> int:
        """Take what an inbox holds into the ledger, and return how many messages were new.

        A message that cannot be judged now stays there, and holds none up that came later.

        Raises ``InboxError``, ``LedgerError``, and ``UnavailableError`` for policy.
        """
        new, last, taken, whole = 0, 0, 0, True
        while rows := inbox.after(last, BATCH):
            sight = self.sight()
            for row in rows:
                try:
                    new += self._taken(row.envelope, sight)
                except UnavailableError as error:
                    whole = False
                    self._tell_once(row.envelope, error)
                taken = row.number if whole else taken
            last = rows[-1].number
            if taken:
                inbox.forget(taken)
        return new

    def refresh(self) -> None:
        """Give every leaving that is not ended the hosts that policy gained. Raises ``UnavailableError``."""
        desk.add_hosts(self.ledger, self.engine, self.sight().hosts)

    def _tell_once(self, envelope: Envelope, error: UnavailableError) -> None:
        if envelope.id not in self._told:
            LOG.warning("a message from %s: %s; tried again every %s s", envelope.source, error, PULL_S)
            self._told.add(envelope.id)

    def _taken(self, envelope: Envelope, sight: Sight) -> bool:
        accepted = accept(self.ledger, self.engine, envelope, self.read, sight)
        self._told.discard(envelope.id)
        if accepted.refused:
            LOG.warning("event %s of %s refused: %s", accepted.event, envelope.source, accepted.refused)
        return accepted.new

    def _pulling(self, inbox: InboxSource, stopped: Event) -> None:
        said = ""
        while not stopped.wait(PULL_S):
            trouble = ""
            try:
                self.pull(inbox)
            except (InboxError, LedgerError, UnavailableError) as error:
                trouble = str(error)
            if trouble and trouble != said:
                LOG.warning("pull: %s; tried again every %s s", trouble, PULL_S)
            said = trouble

    def _refreshing(self, stopped: Event) -> None:
        while not stopped.wait(REFRESH_S):
            try:
                self.refresh()
            except (LedgerError, UnavailableError) as error:
                LOG.warning("new hosts: %s; tried again", error)

    def _watching(self, stopped: Event) -> None:
        while not stopped.wait(WATCH_S):
            self.watch()

    def _handle(self, number: int, stopped: Event) -> None:
        view = self.ledger.read(views.revocation, number)
        sight = self.sight()
        if not self.ledger.write(revocations.start, number, sight.left.epoch(view.person)):
            return
        # Whoever was taken out of policy since is put out all the same: the message named them while they were in it.
        unknown = view.person not in {identity.id for identity in sight.policy.identities}
        while not stopped.is_set():
            held = self.ledger.write(leases.lease, number, self.owner, self.terms.lease)
            if held is None:
                break
            self._carry_out(held, stopped, unknown=unknown)
        self._close(number)

    def _carry_out(self, held: Lease, stopped: Event, *, unknown: bool) -> None:
        order = Order(person=held.person, hosts=held.hosts, nonce=held.nonce, unknown=unknown)
        with holding(self.ledger, held, self.terms.lease, self.terms.grace, stopped) as cancelled:
            outcome = self._witnessed(held, order, self.executor.carry_out(order, cancelled))
        if outcome.fault:
            LOG.warning("revocation %s: %s", held.revocation, outcome.fault)
        missing = [host for host in held.hosts if host not in outcome.hosts]
        unstarted = missing if stopped.is_set() else []
        try:
            self.ledger.write(leases.record, held, _complete(outcome, missing), unstarted)
        except FencedError as error:
            LOG.warning("what the run showed is not written: %s", error)

    def _witnessed(self, held: Lease, order: Order, outcome: Outcome) -> Outcome:
        """Return the outcome, or one that showed nothing where its evidence could not be kept."""
        try:
            self.witness.ran(held.revocation, order, outcome)
        except WitnessError as error:
            return Outcome(hosts={}, fault=str(error))
        return outcome

    def _close(self, number: int) -> None:
        view = self.ledger.read(views.revocation, number)
        if view.state is RevocationState.PROVEN:
            self.witness.closed(view)
            self.ledger.write(revocations.close, number)


def stop_on_signals() -> Event:
    """Return an event that SIGTERM and SIGINT set; to be called from the main thread."""
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def _complete(outcome: Outcome, missing: Sequence[str]) -> dict[str, HostResult]:
    """Return a result for each host; one that gave none is unknown, for the run's own fault where it had one."""
    unknown = HostResult(seen=Seen.UNKNOWN, reasons=(outcome.fault,)) if outcome.fault else leases.MISSING
    return {**outcome.hosts, **dict.fromkeys(missing, unknown)}
