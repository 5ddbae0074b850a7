"""The zone matrix of a run: each attempt held against policy, and for each pair of zones what they amount to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from haechi.observe.observation import Observation
from haechi.perimeter import plan
from haechi.perimeter.ways import Packet, Way, Ways, source_of
from haechi.policy.models import Policy
from haechi.policy.resolve import INTERNET, managed, zone_of

WHAT = "zones"
# In the order of plugins/module_utils/probe/tries.py: address, protocol, port, source, result, milliseconds.
Result = Literal["open", "refused", "timeout", "unreachable", "blocked", "untried"]
Ms = Annotated[int, Field(ge=0)]
Row = tuple[IPv4Address, Literal["tcp", "udp", "icmp"], int, IPv4Address | Literal[""], Result, Ms]
_TRIES = TypeAdapter(tuple[Row, ...])
ANSWERS = ("open", "refused")
# Over UDP silence means something only where every server answers the question that was put: names and time.
ANSWERING = (53, 123)


class State(StrEnum):
    """What came of an attempt, or of all between two zones."""

    OPEN = "open"  # no flow allows it, and it goes through
    BROKEN = "broken"  # a flow declares it, and it does not go through
    WORKS = "works"
    SHUT = "shut"
    UNSEEN = "unseen"  # nothing can be said: not tried, or nothing there ever answered anybody


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt and its state. ``flow`` is the flow that allows it, "" for none; ``to`` its host, or the address."""

    host: str
    to: str
    source_zone: str
    target_zone: str
    address: IPv4Address
    proto: str
    port: int
    flow: str
    result: str
    ms: int
    state: State

    def __str__(self) -> str:
        """Return it as a person reads it."""
        service = self.proto if self.proto == "icmp" else f"{self.proto}/{self.port}"
        return f"{self.host} to {self.to} {self.address} {service}: {self.result}"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """All attempts from one zone at another."""

    source: str
    target: str
    attempts: tuple[Attempt, ...]

    def count(self, state: State) -> int:
        """Return how many attempts have a state."""
        return sum(one.state is state for one in self.attempts)

    @property
    def state(self) -> State:
        """Return the one state that stands for all, the worst first.

        What own rules refuse to send over UDP shows nothing of the way, so that unseen is what TCP did not show.
        """
        found = {one.state for one in self.attempts if one.proto == "tcp" or one.state is not State.SHUT}
        order = (State.OPEN, State.BROKEN, State.WORKS, State.SHUT)
        return next((state for state in order if state in found), State.UNSEEN)


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The zones in policy's order (and ``internet``, where something stands for it), and a cell for each pair.

    ``silent`` are managed hosts that told nothing; ``untried`` is what of the plan nobody tried, in words.
    ``began`` and ``ended`` are the times of the first and the last host's answer, None where there is none.
    """

    zones: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]
    silent: tuple[str, ...]
    untried: tuple[str, ...]
    began: datetime | None
    ended: datetime | None

    @property
    def attempts(self) -> Iterator[Attempt]:
        """Yield all attempts."""
        return (attempt for cell in self.cells.values() for attempt in cell.attempts)

    def of(self, state: State) -> list[Attempt]:
        """Return the attempts of a state."""
        return [attempt for attempt in self.attempts if attempt.state is state]


@dataclass(frozen=True)
class _Try:
    host: str
    address: IPv4Address
    proto: str
    port: int
    source: IPv4Address
    result: str
    ms: int


def read(policy: Policy, probes: Mapping[str, Iterable[Observation]]) -> Matrix:
    """Return the matrix that the probes of a run amount to, those of each host given under its name."""
    told = {host: found for host in managed(policy) if (found := _last(probes.get(host, ()))) is not None}
    tries = [one for host, (rows, _) in told.items() for one in _tries(policy, host, rows)]
    times = [at for _, at in told.values()]
    ways, heard = Ways(policy), [one for one in tries if one.result in ANSWERS]
    alive = {ways.owners.get(one.address, str(one.address)) for one in heard}
    judge = _Judge(ways, policy, alive, {one.host for one in heard})
    attempts = [judge.attempt(one) for one in tries]
    return Matrix(
        zones=(*policy.zones, *((INTERNET,) if policy.perimeter.beacons else ())),
        cells=_cells(policy, attempts),
        silent=tuple(host for host in managed(policy) if host not in told),
        untried=tuple(_untried(policy, tries, told)),
        began=min(times, default=None),
        ended=max(times, default=None),
    )


def _last(probes: Iterable[Observation]) -> tuple[tuple[Row, ...], datetime] | None:
    """Return the tries of a host's last look, and its time; None where it told none, or what is no try."""
    found = [probe for probe in probes if probe.data.get("what") == WHAT]
    if not found:
        return None
    try:
        # JSON has lists and no tuples.
        return _TRIES.validate_json(json.dumps(found[-1].data.get("tries")), strict=True), found[-1].at
    except ValidationError:
        return None


def _tries(policy: Policy, host: str, rows: Iterable[Row]) -> Iterator[_Try]:
    for address, proto, port, source, result, ms in rows:
        yield _Try(host, address, proto, port, source or source_of(policy, host, address), result, ms)


@dataclass(frozen=True)
class _Judge:
    """Holds tries against policy. ``alive`` machines answered somebody, ``able`` hosts had an answer of somebody."""

    ways: Ways
    policy: Policy
    alive: set[str]
    able: set[str]

    def attempt(self, one: _Try) -> Attempt:
        """Return a try with its state."""
        way = self.ways.of(one.host, Packet(one.source, one.address, one.proto, one.port))
        return Attempt(
            host=one.host,
            to=self.ways.owners.get(one.address, INTERNET),
            source_zone=zone_of(self.policy, one.source) or INTERNET,
            target_zone=zone_of(self.policy, one.address) or INTERNET,
            address=one.address,
            proto=one.proto,
            port=one.port,
            flow=way.flow if way else "",
            result=one.result,
            ms=one.ms,
            state=self._declared(one, way) if way else self._undeclared(one),
        )

    def _declared(self, one: _Try, way: Way) -> State:
        if one.result == "refused" and way.served:
            return State.BROKEN
        if one.result in ANSWERS:
            return State.WORKS
        owner = self.ways.owners.get(one.address)
        ours = owner is not None and self.policy.hosts[owner].managed
        quiet = one.proto == "udp" and one.result == "timeout" and not (way.served and one.port in ANSWERING)
        # Of a machine that is not ours nobody knows what it answers.
        return State.BROKEN if ours and not quiet and one.result != "untried" else State.UNSEEN

    def _undeclared(self, one: _Try) -> State:
        if one.result in ANSWERS:
            return State.OPEN
        if one.result == "blocked":
            return State.SHUT
        told = one.proto != "udp" and one.result != "untried" and one.host in self.able
        up = self.ways.owners.get(one.address, str(one.address)) in self.alive
        return State.SHUT if told and up else State.UNSEEN


def _cells(policy: Policy, attempts: Iterable[Attempt]) -> dict[tuple[str, str], Cell]:
    names = (*policy.zones, *((INTERNET,) if policy.perimeter.beacons else ()))
    found: dict[tuple[str, str], list[Attempt]] = {(one, two): [] for one in names for two in names}
    for attempt in attempts:
        found.setdefault((attempt.source_zone, attempt.target_zone), []).append(attempt)
    return {(one, two): Cell(source=one, target=two, attempts=tuple(members)) for (one, two), members in found.items()}


def _untried(policy: Policy, tries: Iterable[_Try], told: Iterable[str]) -> Iterator[str]:
    done = {(one.host, str(one.address), one.proto, one.port) for one in tries if one.result != "untried"}
    for host in told:
        for address, proto, port in plan.tries_from(policy, host):
            if (host, address, proto, port) not in done:
                yield f"{host} to {address} {proto}/{port}"
