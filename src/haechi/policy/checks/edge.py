"""The edge: a pair that can share an address, services it reaches, and exceptions that somebody answers for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from haechi.policy.checks.reach import allowed, led_to
from haechi.policy.edge import Edge, Exclusion
from haechi.policy.models import Policy
from haechi.policy.problems import Path, Problem, Where, did_you_mean
from haechi.policy.resolve import active_people, managed

PAIR = 2


def check(policy: Policy, where: Where, *, at: date) -> Iterable[Problem]:
    """Yield problems of ``edge``; an exclusion that has ended is a warning, since nobody's request passes by it."""
    edge = policy.edge
    if edge is None:
        return
    unknown = [(number, name) for number, name in enumerate(edge.hosts) if name not in managed(policy)]
    for number, name in unknown:
        what = f"{name} is no managed host, so nothing could answer there"
        yield where.problem(("edge", "hosts", number), what, did_you_mean(name, managed(policy)))
    if len({*edge.hosts}) != PAIR or len(edge.hosts) != PAIR:
        what = f"the edge is a pair, and {', '.join(edge.hosts)} is none"
        yield where.problem(("edge", "hosts"), what, "name two hosts: one alone is an outage waiting to happen")
    elif not unknown:
        yield from _pair(policy, edge, where)
        yield from _ways(policy, edge, where)
    yield from _tls(policy, edge, where, at)
    yield from _services(policy, edge, where)
    yield from _exclusions(policy, edge, where, at)


def _pair(policy: Policy, edge: Edge, where: Where) -> Iterator[Problem]:
    one, two = (policy.hosts[name] for name in edge.hosts)
    if one.zone != two.zone:
        what = f"{' and '.join(edge.hosts)} are in two zones, so no address can move between them"
        yield where.problem(("edge", "hosts"), what, "name two hosts of one zone")
        return
    zone = policy.zones.get(one.zone)
    if zone is not None and edge.address not in zone.cidr:
        what = f"{edge.address} is outside zone {one.zone} ({zone.cidr}), where the pair is"
        yield where.problem(("edge", "address"), what, f"take a free address of {zone.cidr}")
    owners = {address: name for name, row in policy.hosts.items() for address in (row.address, *row.legs.values())}
    if edge.address in owners:
        what = f"{edge.address} is {owners[edge.address]}'s own address"
        yield where.problem(("edge", "address"), what, "take one that no host has: it moves between the two")


def _ways(policy: Policy, edge: Edge, where: Where) -> Iterator[Problem]:
    """Yield where no flow leads to the shared address, or from the pair to a service. VRRP and peers need none."""
    if not led_to(policy, edge.address, edge.port):
        what = f"nobody could reach the edge: no flow leads to {edge.address} on tcp/{edge.port}"
        yield where.problem(("flows",), what, f"add a tcp flow to {edge.address}/32, ports [{edge.port}]")
    for service in edge.services.values():
        if service.host not in policy.hosts:
            continue
        target = policy.hosts[service.host].address
        cut = [name for name in edge.hosts if not allowed(policy, policy.hosts[name].address, target, service.port)]
        if cut:
            what = f"{', '.join(cut)} could not reach {service.host}: no flow to its tcp/{service.port}"
            mend = f"add a tcp flow from [{', '.join(edge.hosts)}] to [{service.host}], ports [{service.port}]"
            yield where.problem(("flows",), what, mend)


def _tls(policy: Policy, edge: Edge, where: Where, at: date) -> Iterator[Problem]:
    if policy.pki is None:
        what = "the edge answers over TLS, and policy names no authority (pki)"
        yield where.problem(("edge",), what, "add `pki: {host: ...}`, or take `edge` out")
    if edge.tls12_until is not None and edge.tls12_until < at:
        what = f"TLS 1.2 ended on {edge.tls12_until}, and is offered no more"
        yield where.problem(("edge", "tls12_until"), what, "remove it, or name a later day if somebody still needs it")


def _services(policy: Policy, edge: Edge, where: Where) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, service in edge.services.items():
        path: Path = ("edge", "services", name)
        if service.host not in policy.hosts:
            what = f"{service.host}, which {name} is handed to, is no host"
            yield where.problem((*path, "host"), what, did_you_mean(service.host, policy.hosts))
        for number, dns in enumerate(service.names):
            if first.setdefault(dns, name) != name:
                what = f"{dns} leads to {first[dns]} already"
                yield where.problem((*path, "names", number), what, "keep it in one of them")


def _exclusions(policy: Policy, edge: Edge, where: Where, at: date) -> Iterator[Problem]:
    people = active_people(policy)
    taken = set[str]()
    for name, service in edge.services.items():
        for number, one in enumerate(service.exclusions):
            path: Path = ("edge", "services", name, "exclusions", number)
            if one.id in taken:
                yield where.problem((*path, "id"), f"exclusion {one.id} stands twice", "give each its own id")
            taken.add(one.id)
            yield from _exclusion(one, people, where, path, at)


def _exclusion(one: Exclusion, people: frozenset[str], where: Where, path: Path, at: date) -> Iterator[Problem]:
    if one.owner not in people:
        what = f"owner {one.owner} of exclusion {one.id} is no active person"
        yield where.problem((*path, "owner"), what, did_you_mean(one.owner, people))
    if one.until < at:
        what = f"exclusion {one.id} ended on {one.until}"
        yield where.problem((*path, "until"), what, "remove it: the rule looks again since then", warning=True)
