"""Death by kill -9 at a chosen moment. Only processes of the tests have it: it wraps what the product is handed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi.hr.inbox import Inbox, Row
from haechi.hr.ledger import Ledger, Transaction
from haechi.hr.ledger.views import RevocationView
from haechi.hr.work.order import Order, Outcome
from haechi.hr.work.ports import Witness

BEFORE, INSIDE, AFTER = "before", "inside", "after"
# Every transition of the ledger, by the function that makes it; `inside` is before its commit.
LEDGER = ("accept", "start", "lease", "extend", "record", "close")
POINTS = (
    *((point, when) for point in LEDGER for when in (BEFORE, INSIDE, AFTER)),
    *((point, when) for point in ("forget", "ran", "closed") for when in (BEFORE, AFTER)),
    *(("playbook", when) for when in (BEFORE, INSIDE, AFTER)),
)


def die() -> None:
    """End at once, with nothing flushed and nobody told."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Plan:
    """Where this process dies."""

    point: str
    when: str

    def reached(self, point: str, when: str) -> None:
        """Die if it is here."""
        if (self.point, self.when) == (point.strip("_"), when):
            die()


@dataclass(frozen=True)
class MortalLedger(Ledger):
    """The ledger, in a process that dies at a step of it. ``tokens`` is where a lease's token is kept by its nonce."""

    plan: Plan
    tokens: Path

    def write(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Write, and die on the way if that is the plan."""
        name = function.__name__

        def run(transaction: Transaction) -> Any:
            result = function(transaction, *arguments, **options)
            self.plan.reached(name, INSIDE)
            return result

        self.plan.reached(name, BEFORE)
        result = super().write(run)
        if name == "lease" and result is not None:
            (self.tokens / f"token-{result.nonce}").write_text(str(result.token))
        self.plan.reached(name, AFTER)
        return result


@dataclass(frozen=True)
class MortalInbox:
    """The inbox as the worker pulls it."""

    inbox: Inbox
    plan: Plan

    def after(self, number: int, limit: int) -> Sequence[Row]:
        """Return what came after a number."""
        return self.inbox.after(number, limit)

    def forget(self, up_to: int) -> int:
        """Forget, and die on the way if that is the plan."""
        self.plan.reached("forget", BEFORE)
        count = self.inbox.forget(up_to)
        self.plan.reached("forget", AFTER)
        return count


@dataclass(frozen=True)
class MortalWitness:
    """Who keeps evidence."""

    witness: Witness
    plan: Plan

    def ran(self, revocation: int, order: Order, outcome: Outcome) -> None:
        """Keep what a run showed, and die on the way if that is the plan."""
        self.plan.reached("ran", BEFORE)
        self.witness.ran(revocation, order, outcome)
        self.plan.reached("ran", AFTER)

    def closed(self, revocation: RevocationView) -> None:
        """Write a bundle, and die on the way if that is the plan."""
        self.plan.reached("closed", BEFORE)
        self.witness.closed(revocation)
        self.plan.reached("closed", AFTER)
