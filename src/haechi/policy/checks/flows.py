"""Flows: both ends known, somebody listening, nothing that nftables would not take."""

from __future__ import annotations

import re
from collections.abc import Iterable

from haechi.policy.models import Flow, Policy
from haechi.policy.problems import Path, Problem, Where, did_you_mean, shown
from haechi.policy.resolve import INTERNET, addresses, expand_hosts

PORTLESS = {"icmp", "vrrp"}
RATE = re.compile(r"[1-9]\d{0,5}/(second|minute|hour|day)")


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of flows."""
    first: dict[str, int] = {}
    for index, flow in enumerate(policy.flows):
        path: Path = ("flows", index)
        if first.setdefault(flow.name, index) != index:
            yield where.problem((*path, "name"), f"flow {flow.name} stands twice", "give each flow its own name")
        ends = [*_ends(policy, where, (*path, "from"), flow.source), *_ends(policy, where, (*path, "to"), flow.target)]
        yield from ends
        yield from _form(flow, where, path)
        yield from _publish(policy, flow, where, path)
        if not ends:
            yield from _heard(policy, flow, where, path)


def _ends(policy: Policy, where: Where, path: Path, names: tuple[str, ...]) -> Iterable[Problem]:
    known = {*policy.hosts, *policy.zones, INTERNET}
    for index, name in enumerate(names):
        try:
            addresses(policy, name)
        except ValueError:
            if re.search(r"[./:]", name):
                mend = "write it like 10.0.1.0/24, no bits set beyond the prefix"
                yield where.problem((*path, index), f"{shown(name)} is no network", mend)
            else:
                what = f"{shown(name)} is no host and no zone"
                yield where.problem((*path, index), what, did_you_mean(name, known))


def _form(flow: Flow, where: Where, path: Path) -> Iterable[Problem]:
    if flow.proto in PORTLESS and flow.ports:
        yield where.problem((*path, "ports"), f"{flow.proto} has no ports", "remove `ports:`")
    if flow.proto not in PORTLESS and not flow.ports:
        yield where.problem(path, f"flow {flow.name} names no port", "add `ports: [..]`")
    if flow.rate is not None and not RATE.fullmatch(flow.rate):
        yield where.problem((*path, "rate"), f"{shown(flow.rate)} is no rate", "write it like 20/minute")
    if flow.masquerade and flow.target != (INTERNET,):
        mend = "remove it: inside the site the real source address is what logs and rules need"
        yield where.problem((*path, "masquerade"), "masquerade on a flow that is not to the internet", mend)


def _publish(policy: Policy, flow: Flow, where: Where, path: Path) -> Iterable[Problem]:
    if flow.publish is None:
        return
    place, gateway = (*path, "publish"), policy.hosts.get(flow.publish.gateway)
    if gateway is None or not gateway.gateway:
        gateways = [name for name, host in policy.hosts.items() if host.gateway]
        what = f"{flow.publish.gateway} is no gateway"
        yield where.problem((*place, "gateway"), what, did_you_mean(flow.publish.gateway, gateways))
    elif flow.publish.zone not in {gateway.zone, *gateway.legs}:
        what = f"{flow.publish.gateway} has no leg in {flow.publish.zone}"
        yield where.problem((*place, "zone"), what, did_you_mean(flow.publish.zone, {gateway.zone, *gateway.legs}))
    shared = f"{policy.edge.address}/32" if policy.edge is not None else None
    single = len(flow.target) == 1 and (flow.target[0] in policy.hosts or flow.target[0] == shared)
    if not single or len(flow.ports) != 1:
        mend = "publish one port of one host; write a flow for each"
        yield where.problem(place, f"flow {flow.name} publishes more than one socket", mend)


def _heard(policy: Policy, flow: Flow, where: Where, path: Path) -> Iterable[Problem]:
    if flow.proto in PORTLESS:
        return
    open_sockets = {
        (host, listener.proto, listener.port)
        for listener in policy.listeners
        if not listener.local
        for host in expand_hosts(policy, listener.hosts)
    }
    for index, name in enumerate(flow.target):
        hosts = [host for host in expand_hosts(policy, (name,)) if policy.hosts[host].managed]
        for port in flow.ports:
            if hosts and not any((host, flow.proto, port) in open_sockets for host in hosts):
                what = f"nobody listens on {name} {flow.proto}/{port}"
                mend = "declare the listener, or drop the flow"
                yield where.problem((*path, "to", index), what, mend)
