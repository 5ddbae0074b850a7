"""Who works when: a port with two engines. The ledger is the truth, so losing an engine's queue costs only time."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Protocol

from sqlalchemy import Connection

Handler = Callable[[int], None]
"""Works off what is due of one revocation, by its number; raises nothing that is not a defect."""


class EngineError(Exception):
    """An engine cannot work; the text says how to mend it."""


class Engine(Protocol):
    """Fan-out and wake-up."""

    def submit(self, connection: Connection, revocation: int) -> None:
        """Ask for work on a revocation, in the ledger's own transaction: both are committed, or neither is."""

    def work(self, handler: Handler, stopped: Event) -> None:
        """Work until ``stopped`` is set: what is submitted, and every 30 s whatever the ledger says is due."""
