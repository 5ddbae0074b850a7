"""Run the playbooks of the bench on the standing lab, each with a ping before it, so that noise hits both alike.

Every measured run is warm: a throwaway ping has opened the connections that ssh keeps (ControlPersist), as they are
in daily work. What proves itself over new connections opens them all the same.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from haechi.bench.figures import Sample, Samples, Seen
from haechi.bench.perimeter import Perimeter
from haechi.demo import StoryError
from haechi.demo.playbooks import Playbooks
from haechi.lab import containers, podman, site, topology
from haechi.lab.podman import LabError
from haechi.policy.models import Policy
from haechi.policy.resolve import managed
from haechi.progress import Summary

PING = Path(__file__).with_name("ping.yml")
FORKS = 10
FEWEST_HOSTS = 2
Say = Callable[[str], None]


def standing(inventory: Path) -> Policy:
    """Return the policy of a lab whose machines all run.

    Raises ``LabError`` that names the machines that do not.
    """
    policy = site.read_policy(inventory)
    states = site.status(inventory)
    down = [f"{name} is {state}" for name, state in states.items() if state not in containers.READY]
    if down:
        raise LabError(f"{', '.join(down)}: stand the lab up hardened with `make demo`")
    if len(managed(policy)) < FEWEST_HOSTS:
        raise LabError(f"{policy.site.name} has one managed host: what a further host costs takes two")
    return policy


def chosen(policy: Policy) -> str:
    """Return the host to measure on: the first managed one on which no other host depends, since it is remade.

    Raises ``LabError`` when there is none.
    """
    for name in managed(policy):
        if not (policy.hosts[name].gateway or name == policy.site.bastion or topology.services_of(policy, name)):
            return name
    raise LabError(f"every managed host of {policy.site.name} is gateway, bastion or server of others: none can go")


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One measuring of a lab: its playbooks, its policy, and the host that stands for any other."""

    playbooks: Playbooks
    policy: Policy
    host: str
    say: Say
    ping: list[Sample] = field(default_factory=list)
    site: list[Sample] = field(default_factory=list)
    audit: list[Sample] = field(default_factory=list)
    lab: list[Sample] = field(default_factory=list)

    def run(self, repeat: int) -> Samples:
        """Measure everything ``repeat`` times, the first converge once, since a machine is made for it.

        Raises ``StoryError`` when a playbook fails or changes what it has just made right, ``LabError`` when the
        machine cannot be made anew.
        """
        self.say("Site, not counted: what is measured next finds every host as policy wants it")
        self.playbooks.run("site")
        for number in range(1, repeat + 1):
            self.say(f"Round {number} of {repeat}: site again and an audit on {self.host}, each after a ping")
            self._warm("managed")
            self._unchanged(self.site, "site", "--limit", self.host)
            self._unchanged(self.audit, "audit", "--limit", self.host)
            self.say(f"Round {number} of {repeat}: site again on all {len(managed(self.policy))} hosts, {FORKS} forks")
            self._warm("managed")
            self._unchanged(self.lab, "site", "--forks", str(FORKS))
        seen = self._perimeter(repeat)
        return Samples(
            hosts=len(managed(self.policy)),
            ping=self.ping,
            site=self.site,
            audit=self.audit,
            lab=self.lab,
            converge=self._converge(),
            perimeter=seen,
        )

    def _perimeter(self, repeat: int) -> Seen:
        """Measure what the perimeter costs customers, and start the machine again that it loses."""
        edge, ids = self.policy.edge, self.policy.ids
        if edge is None or ids is None:
            raise StoryError(f"{self.policy.site.name} has no edge or no intrusion detection to measure")
        made = Perimeter(policy=self.policy, edge=edge, gateways=ids.hosts, containers=self._containers(), say=self.say)
        seen = made.measure(repeat)
        site.up(self.playbooks.inventory, self.say)
        return seen

    def _unchanged(self, into: list[Sample], name: str, *arguments: str) -> None:
        """Measure a ping, and beside it a playbook that must find nothing to do."""
        self.ping.append(self._timed(self._name(PING), "--limit", self.host)[0])
        sample, summary = self._timed(name, *arguments)
        if summary.changed:
            raise StoryError(f"playbooks/{name}.yml changed {summary.changed} things that it had just made right")
        into.append(sample)

    def _converge(self) -> Sample:
        """Make the host bare as on its first day, and harden it; its image holds all packages, so none is fetched."""
        self.say(f"First converge: {self.host} is made anew, and let in")
        site.disconnect(self.playbooks.inventory, self.policy)
        podman.run("rm", "--force", "--time", "0", self._containers()[self.host])
        site.up(self.playbooks.inventory, self.say)
        self.playbooks.run("bootstrap", "--limit", self.host)
        self._warm(self.host)
        self.say(f"First converge: {self.host} becomes what policy says")
        return self._timed("site", "--limit", self.host)[0]

    def _containers(self) -> dict[str, str]:
        made = topology.machines(self.policy, topology.read_lab(self.playbooks.inventory))
        return {machine.name: machine.container for machine in made}

    def _warm(self, hosts: str) -> None:
        self.playbooks.run(self._name(PING), "--limit", hosts)

    def _timed(self, name: str, *arguments: str) -> tuple[Sample, Summary]:
        before, began = _cpu_of_children(), time.monotonic()
        summary = self.playbooks.run(name, *arguments)
        return Sample(time.monotonic() - began, _cpu_of_children() - before), summary

    def _name(self, playbook: Path) -> str:
        """Return the name by which ``Playbooks`` finds a playbook that lies elsewhere."""
        return os.path.relpath(playbook.with_suffix(""), self.playbooks.root / "playbooks")


def _cpu_of_children() -> float:
    """Return the seconds of processor, user and system, of all ended children and theirs (getrusage(2))."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
