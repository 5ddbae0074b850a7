"""What the perimeter of the standing lab costs a customer, and how long she waits when the edge fails over.

Inspection is taken off the gateway for as long as it is compared with, and put back; the edge that holds the address
loses its machine under load, as by a power cut, and is started again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from haechi.bench.figures import Seen
from haechi.controls.firewall import QUEUED
from haechi.controls.ids import QUEUES
from haechi.demo import StoryError
from haechi.lab import podman
from haechi.pki.trust import FOLDER, ROOT
from haechi.policy import state_dir
from haechi.policy.edge import Edge
from haechi.policy.models import Policy

PROGRAM = Path(__file__).with_name("asking.py")
LOOKUP = "/lookup?name=%ED%99%8D%EA%B8%B8%EB%8F%99"
TIMES, LOAD_S, WARM_S = 200, 20, 4
OFF = "; ".join(f"nft 'add table {table}; delete table {table}'" for table in sorted(QUEUED))
Say = Callable[[str], None]


def gap(answered: Sequence[float], lost: float) -> float:
    """Return the longest time in seconds without an answer around the loss of a machine.

    Raises ``StoryError`` where nobody was answered before, or after.
    """
    if not answered or answered[0] > lost or answered[-1] < lost:
        raise StoryError("the edge did not fail over: customers were not answered both before and after")
    return max(later - earlier for earlier, later in pairwise(answered))


@dataclass(frozen=True, kw_only=True)
class Perimeter:
    """The perimeter of one lab; ``containers`` are its machines by name."""

    policy: Policy
    edge: Edge
    gateways: Sequence[str]
    containers: Mapping[str, str]
    say: Say

    def measure(self, repeat: int) -> Seen:
        """Compare inspected with uninspected ``repeat`` times, one after the other, and fail over once.

        The machine that is lost stays so. Raises ``StoryError`` where the service does not answer as it must,
        ``LabError`` where a machine cannot be asked.
        """
        inspected: list[float] = []
        uninspected: list[float] = []
        for number in range(1, repeat + 1):
            self.say(f"Round {number} of {repeat}: {TIMES} questions through inspection, and as many past it")
            inspected += self._in_a_row()
            with self._uninspected():
                uninspected += self._in_a_row()
        self.say("Fail-over: the edge that holds the address loses its machine under load")
        return Seen(inspected=inspected, uninspected=uninspected, gap_s=self._fail_over())

    def _in_a_row(self) -> list[float]:
        service = next(iter(self.edge.services.values()))
        where = {"address": str(self.policy.hosts[service.host].address), "port": service.port}
        return self._asks(self.edge.hosts[0], where | {"path": LOOKUP, "times": TIMES})

    @contextmanager
    def _uninspected(self) -> Iterator[None]:
        """Let packets pass without inspection; what put the queues there puts them back, whatever happened."""
        before = {name: self._queued(name) for name in self.gateways}
        try:
            for name in self.gateways:
                self._run(name, "sh", "-c", OFF)
                if not before[name] or self._queued(name):
                    raise StoryError(f"{name} inspects nothing to begin with, or goes on inspecting")
            yield
        finally:
            for name in self.gateways:
                self._run(name, "systemctl", "restart", QUEUES)
        if any(self._queued(name) != tables for name, tables in before.items()):
            raise StoryError(f"{', '.join(before)}: not inspected as before: ask `systemctl status {QUEUES}` there")

    def _queued(self, name: str) -> frozenset[str]:
        """Return the tables there by which packets come to be inspected."""
        there = self._run(name, "nft", "list", "tables").splitlines()
        return frozenset(table for table in QUEUED if f"table {table}" in there)

    def _fail_over(self) -> float:
        holder = next((name for name in self.edge.hosts if self._holds(name)), None)
        if holder is None:
            pair = " and ".join(self.edge.hosts)
            raise StoryError(f"no edge holds {self.edge.address}: ask `journalctl -u keepalived` on {pair}")
        with ThreadPoolExecutor(1) as pool:
            customer, asked = self._customer()
            load = pool.submit(self._asks, customer, asked)
            time.sleep(WARM_S)
            lost = time.time()
            podman.run("kill", self.containers[holder])
            return gap(load.result(), lost)

    def _holds(self, name: str) -> bool:
        return f" {self.edge.address}/" in self._run(name, "ip", "-4", "address")

    def _customer(self) -> tuple[str, dict[str, Any]]:
        """Return a machine outside, and what it asks of the published edge."""
        target = f"{self.edge.address}/32"
        told = next(flow.publish for flow in self.policy.flows if flow.publish is not None and target in flow.target)
        hosts = self.policy.hosts
        customer = next(name for name, host in hosts.items() if not host.managed and host.zone == told.zone)
        return customer, {
            "address": str(hosts[told.gateway].legs[told.zone]),
            "port": told.port,
            "name": next(iter(self.edge.services.values())).names[0],
            "path": LOOKUP,
            "trust": (state_dir(self.policy) / FOLDER / ROOT).read_text(encoding="ascii"),
            "seconds": LOAD_S,
        }

    def _asks(self, name: str, asked: Mapping[str, Any]) -> list[float]:
        text = PROGRAM.read_text(encoding="utf-8")
        argv = ("exec", "--interactive", self.containers[name], "python3", "-c", text)
        told: list[float] = json.loads(podman.run(*argv, stdin=f"{json.dumps(asked)}\n".encode()))
        return told

    def _run(self, name: str, *command: str) -> str:
        return podman.run("exec", self.containers[name], *command)
