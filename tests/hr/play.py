"""The real adapter to ansible-runner, on a playbook whose hosts are folders of this machine."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from haechi.hr.ledger.views import RevocationView
from haechi.hr.work.order import Executor, Order, Outcome
from haechi.hr.work.runner import RunnerExecutor
from tests.hr.crash import AFTER, BEFORE, INSIDE, Plan
from tests.hr.site import HOSTS, Setup

PLAYBOOK = Path(__file__).with_name("playbook.yml")
TICK_S = 0.02


def executor(setup: Setup) -> RunnerExecutor:
    """Return the executor for a site, whose inventory it writes."""
    effects, runs = setup.folder / "effects", setup.folder / "runs"
    for folder in (runs, *(effects / host for host in HOSTS)):
        folder.mkdir(parents=True, exist_ok=True)
    path = setup.folder / f"hosts-{setup.owner}.ini"
    shared = ("[all:vars]", f"effects={effects}", f"slow_s={setup.slow_s}")
    path.write_text("\n".join([*(_line(host, setup.down) for host in HOSTS), *shared, ""]))
    return RunnerExecutor(path, PLAYBOOK, parent=runs)


def _line(host: str, down: Sequence[str]) -> str:
    """Return a host's line; one that is down is asked for where nothing listens."""
    if host in down:
        return f"{host} ansible_host=127.0.0.1 ansible_port=9 ansible_connection=ssh"
    return f"{host} ansible_connection=local ansible_python_interpreter={sys.executable}"


@dataclass(frozen=True)
class Mortal:
    """An executor in a process that dies before, in the middle of, or after a run."""

    executor: Executor
    plan: Plan
    folder: Path

    def carry_out(self, order: Order, cancelled: Event) -> Outcome:
        """Run, and die on the way if that is the plan."""
        self.plan.reached("playbook", BEFORE)
        Thread(target=self._look, args=(order,), daemon=True).start()
        outcome = self.executor.carry_out(order, cancelled)
        self.plan.reached("playbook", AFTER)
        return outcome

    def _look(self, order: Order) -> None:
        """Wait for the run's first mark on a host."""
        paths = [self.folder / "effects" / host / order.person for host in order.hosts]
        while not any(path.exists() and order.nonce in path.read_text() for path in paths):
            time.sleep(TICK_S)
        self.plan.reached("playbook", INSIDE)


@dataclass(frozen=True)
class Files:
    """A witness that keeps a file for each thing it saw."""

    folder: Path

    def ran(self, revocation: int, order: Order, outcome: Outcome) -> None:
        """Keep a run."""
        del revocation
        (self.folder / f"run-{order.nonce}").write_text(json.dumps(outcome.document))

    def closed(self, revocation: RevocationView) -> None:
        """Keep an end."""
        (self.folder / f"closed-{revocation.number}").write_text(f"{time.time()}\n")
