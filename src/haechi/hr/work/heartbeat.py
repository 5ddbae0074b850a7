"""Holding a lease while a run lasts: extended in good time, and the run is cancelled when that fails."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread, Timer

from haechi.hr.ledger import FencedError, Ledger, LedgerError, leases
from haechi.hr.ledger.leases import Lease

LOG = logging.getLogger("haechi.hr")
# A third of the lease: two extensions may fail before it runs out. The run ends a little before it does.
PART, MARGIN = 3, 0.8
TICK_S = 0.5


@contextmanager
def holding(ledger: Ledger, held: Lease, seconds: float, grace: float, stopped: Event) -> Iterator[Event]:
    """Extend a lease until the block ends, and give the event that is set when the run must end at once.

    That is when the lease was taken over, when it could not be extended until shortly before it ran out, and
    ``grace`` seconds after ``stopped``.
    """
    cancelled, done = Event(), Event()
    beats = Thread(target=_beat, args=(ledger, held, seconds, cancelled, done), name="heartbeat", daemon=True)
    stops = Thread(target=_stop, args=(grace, stopped, cancelled, done), name="stop", daemon=True)
    beats.start()
    stops.start()
    try:
        yield cancelled
    finally:
        done.set()


def _beat(ledger: Ledger, held: Lease, seconds: float, cancelled: Event, done: Event) -> None:
    # A timer of its own: an extension that waits for a database must not keep the run going beyond its lease.
    ends = _timer(seconds, held, cancelled)
    while not done.wait(seconds / PART):
        try:
            ledger.write(leases.extend, held, seconds)
        except FencedError as error:
            LOG.warning("the run is ended: %s", error)
            cancelled.set()
            break
        except LedgerError as error:
            LOG.warning("lease %s of revocation %s is not extended: %s", held.token, held.revocation, error)
            continue
        ends.cancel()
        ends = _timer(seconds, held, cancelled)
    ends.cancel()


def _timer(seconds: float, held: Lease, cancelled: Event) -> Timer:
    def late() -> None:
        LOG.warning("the run is ended: lease %s of revocation %s is about to run out", held.token, held.revocation)
        cancelled.set()

    timer = Timer(seconds * MARGIN, late)
    timer.daemon = True
    timer.start()
    return timer


def _stop(grace: float, stopped: Event, cancelled: Event, done: Event) -> None:
    while not (stopped.is_set() or done.wait(TICK_S)):
        pass
    if not done.is_set() and not done.wait(grace):
        LOG.info("the run is ended: the worker was told to stop %s s ago", grace)
        cancelled.set()
