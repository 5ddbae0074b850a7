"""The engine of one process: a loop over the ledger, with nothing beside it that could be lost."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from sqlalchemy import Connection

from haechi.hr.engine import Handler
from haechi.hr.engine.lock import alone
from haechi.hr.ledger import Ledger, LedgerError, revocations

LOG = logging.getLogger("haechi.hr")
LANES = 4
TICK_S, CROWDED_S = 1.0, 0.1


@dataclass(frozen=True)
class Embedded:
    """Looks at the ledger every second, and at once when this process submits; works on ``LANES`` leavings at a time.

    Raises ``EngineError`` in ``work`` where another worker holds ``lock``.
    """

    ledger: Ledger
    lock: Path
    _woken: Event = field(default_factory=Event, init=False)

    def submit(self, connection: Connection, revocation: int) -> None:
        """Wake the loop; the ledger's own row is the job."""
        del connection, revocation
        self._woken.set()

    def work(self, handler: Handler, stopped: Event) -> None:
        """Work until ``stopped`` is set; what is being worked on then is ended first."""
        running: dict[int, Future[None]] = {}
        begun: dict[int, float] = {}
        with alone(self.lock), ThreadPoolExecutor(LANES, thread_name_prefix="lane") as lanes:
            while not stopped.is_set():
                waiting = [number for number in self._due() if number not in running]
                # Whoever waited longest goes first, so that one that fails again and again keeps no lane from others.
                waiting.sort(key=lambda number: begun.get(number, 0.0))
                chosen = waiting[: LANES - len(running)]
                running |= {number: lanes.submit(handler, number) for number in chosen}
                begun = {number: at for number, at in begun.items() if number in running or number in waiting}
                begun |= dict.fromkeys(chosen, time.monotonic())
                self._woken.wait(TICK_S if chosen == waiting else CROWDED_S)
                running = _unended(running)
        _unended(running)

    def _due(self) -> tuple[int, ...]:
        try:
            if not self._woken.is_set():
                return self.ledger.read(revocations.due)
            self._woken.clear()
            # Whoever submitted has not committed yet; the writers' turn comes after that.
            return self.ledger.write(revocations.due)
        except LedgerError as error:
            LOG.warning("engine: %s; tried again", error)
            return ()


def _unended(running: dict[int, Future[None]]) -> dict[int, Future[None]]:
    """Return what still runs. A handler's defect is told and stops nobody else's leaving."""
    for number, future in running.items():
        if future.done() and (error := future.exception()):
            LOG.error("revocation %s: a defect, please report it", number, exc_info=error)
    return {number: future for number, future in running.items() if not future.done()}
