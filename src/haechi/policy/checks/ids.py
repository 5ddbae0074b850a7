"""Intrusion detection: gateways and zones that exist, a choice for each pair, rules from somewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from haechi.policy.ids import Ids, Pair, RuleSource
from haechi.policy.models import Flow, Policy
from haechi.policy.problems import Path, Problem, Where, did_you_mean
from haechi.policy.resolve import INTERNET, active_people, is_outside, managed, networks4

OWN = "haechi"


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of ``ids``."""
    ids = policy.ids
    if ids is None:
        return
    gateways = [name for name in managed(policy) if policy.hosts[name].gateway]
    for number, name in enumerate(ids.hosts):
        if name not in gateways:
            what = f"{name} is no managed gateway, so nothing passes through it that could be inspected"
            yield where.problem(("ids", "hosts", number), what, did_you_mean(name, gateways))
    people = active_people(policy)
    if ids.owner not in people:
        what = f"owner {ids.owner} is no active person"
        yield where.problem(("ids", "owner"), what, did_you_mean(ids.owner, people))
    for number, name in enumerate(ids.inside):
        if name not in policy.zones:
            yield where.problem(("ids", "inside", number), f"zone {name} is defined nowhere", _zone(policy, name))
    yield from _pairs(policy, ids, where)
    yield from _behind_cookies(policy, ids, where)
    yield from _sources(ids, where)


def _zone(policy: Policy, name: str) -> str:
    return did_you_mean(name, {*policy.zones, INTERNET})


def _pairs(policy: Policy, ids: Ids, where: Where) -> Iterator[Problem]:
    for number, pair in enumerate(ids.pairs):
        path: Path = ("ids", "pairs", number)
        for word, name in (("from", pair.source), ("to", pair.target)):
            if name not in policy.zones and name != INTERNET:
                yield where.problem((*path, word), f"zone {name} is defined nowhere", _zone(policy, name))
        if pair.source == pair.target:
            what = f"{pair.source} to itself passes no gateway"
            yield where.problem(path, what, "name two zones")
        if pair.mode == "inline" and pair.fail is None:
            what = f"{pair.source} to {pair.target} is inline, and nothing says what happens while nobody inspects"
            mend = "add `fail: closed` (the traffic stops) or `fail: open` (it passes uninspected)"
            yield where.problem(path, what, mend)
        if pair.mode != "inline" and pair.fail is not None:
            what = f"{pair.source} to {pair.target} is {pair.mode}: it stops nothing, so it cannot fail {pair.fail}"
            yield where.problem((*path, "fail"), what, "remove `fail`, or make it inline")
        earlier = next((one for one in ids.pairs[:number] if _covers(one, pair)), None)
        if earlier is not None:
            what = f"{pair.source} to {pair.target} never counts: a pair before it takes all of its traffic"
            yield where.problem(path, what, "put the narrower pair first, or remove one")


def _behind_cookies(policy: Policy, ids: Ids, where: Where) -> Iterator[Problem]:
    """Yield flows that a gateway would both answer with cookies and inspect.

    It counts on from its own first number towards the client, and the kernel mends that only behind the place where
    packets are inspected (nf_conntrack's seqadj, at the end of postrouting): Suricata would see acknowledged what
    nobody sent, and drop it.
    """
    limits = policy.perimeter.floods
    for index, flow in enumerate(policy.flows if limits is not None and limits.syn_proxy else ()):
        door = flow.publish
        if door is None or door.gateway not in ids.hosts or flow.proto != "tcp":
            continue
        strangers = [name for name in flow.source if is_outside(policy, name)]
        pair = next((one for name in strangers if (one := _first(policy, ids, name, flow))), None)
        if pair is not None:
            way = f"{pair.source} to {pair.target}"
            what = f"{door.gateway} inspects flow {flow.name} ({way}), and answers its SYNs itself (syn_proxy)"
            mend = f"put a pair with `ports: {[*flow.ports]}, mode: none` before it, or set syn_proxy to false"
            yield where.problem(("flows", index, "publish"), what, mend)


def _first(policy: Policy, ids: Ids, source: str, flow: Flow) -> Pair | None:
    """Return the pair that decides of what comes from one source of a flow, if somebody looks at it."""
    zones = {zone for name in flow.target for zone in _zones(policy, name)}
    comes = {INTERNET} if source == INTERNET else _zones(policy, source) or {INTERNET}
    for pair in ids.pairs:
        ports = not pair.ports or set(flow.ports) & set(pair.ports)
        if pair.source in comes and pair.target in zones and ports:
            return pair if pair.mode != "none" else None
    return None


def _zones(policy: Policy, name: str) -> set[str]:
    networks = networks4(policy, name)
    return {zone for zone, row in policy.zones.items() if any(one.overlaps(row.cidr) for one in networks)}


def _covers(first: Pair, second: Pair) -> bool:
    """Return whether an earlier pair leaves nothing for a later one."""
    same = (first.source, first.target) == (second.source, second.target)
    return same and (not first.ports or (bool(second.ports) and set(second.ports) <= set(first.ports)))


def _sources(ids: Ids, where: Where) -> Iterator[Problem]:
    names = set[str]()
    for number, source in enumerate(ids.rules):
        path: Path = ("ids", "rules", number)
        if source.name in names or source.name == OWN:
            what = f"rule source {source.name} stands twice, or has the name of our own rules"
            yield where.problem((*path, "name"), what, "give each a name of its own")
        names.add(source.name)
        yield from _place(source, where, path)


def _place(source: RuleSource, where: Where, path: Path) -> Iterator[Problem]:
    if (source.path is None) == (source.url is None):
        what = f"rule source {source.name} is unknown: it names {'both path and url' if source.path else 'no place'}"
        yield where.problem(path, what, "give it a path on the control node, or the https url of a mirror of yours")
    if source.url is not None and not source.url.startswith("https://"):
        what = f"rule source {source.name} is fetched without TLS, so that anybody on the way could change the rules"
        yield where.problem((*path, "url"), what, "write https://...")
