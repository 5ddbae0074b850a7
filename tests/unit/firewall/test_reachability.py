"""Whoever may talk to whom follows from the flows alone, whichever host one asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_network
from itertools import permutations, product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.desired.firewall import rules
from haechi.desired.nftables import Network, Rule
from haechi.policy import load
from haechi.policy.models import Flow, Host, Policy

from .conftest import flow, policy

LAB = Path(__file__).parents[3] / "inventories" / "lab"
ENDS = ("gw", "web", "web2", "ops", "laptop", "outside", "dmz", "mgmt", "internet", "10.9.0.0/16", "10.9.1.8/29")


@dataclass(frozen=True)
class Talk:
    """One conversation between two managed hosts."""

    source: str
    target: str
    proto: str
    port: int


@st.composite
def flows(draw: st.DrawFn) -> dict[str, object]:
    """Draw any flow of the small site."""
    ends = st.lists(st.sampled_from(ENDS), min_size=1, max_size=3, unique=True)
    proto = draw(st.sampled_from(("tcp", "udp", "icmp")))
    ports = [] if proto == "icmp" else draw(st.lists(st.sampled_from((22, 53, 443)), min_size=1, unique=True))
    return flow(draw(ends), draw(ends), proto=proto, ports=ports)


def _zone(made: Policy, address: IPv4Address) -> str:
    return next(name for name, zone in made.zones.items() if address in zone.cidr)


def _address(host: Host, peer: Host) -> IPv4Address:
    return host.legs.get(peer.zone, host.address)


def _talks(made: Policy) -> Iterator[tuple[Talk, IPv4Address, IPv4Address]]:
    services = {(one.proto, port) for one in made.flows for port in one.ports or (0,)}
    managed = [name for name, host in made.hosts.items() if host.managed]
    for (source, target), (proto, port) in product(permutations(managed, 2), sorted(services)):
        here, there = made.hosts[source], made.hosts[target]
        yield Talk(source, target, proto, port), _address(here, there), _address(there, here)


def _means(made: Policy, names: tuple[str, ...], host: str, address: IPv4Address) -> bool:
    networks = [ip_network(name) for name in names if "/" in name]
    return host in names or _zone(made, address) in names or any(address in network for network in networks)


def _said(made: Policy, one: Flow, talk: Talk, source: IPv4Address, target: IPv4Address) -> bool:
    service = one.proto == talk.proto and talk.port in (one.ports or (0,)) and one.publish is None
    ends = _means(made, one.source, talk.source, source) and _means(made, one.target, talk.target, target)
    return service and ends


def _holds(made: Policy, networks: tuple[Network, ...], address: IPv4Address, *, internet: bool) -> bool:
    outside = internet and not any(address in zone.cidr for zone in made.zones.values())
    return outside or any(address in network for network in networks)


def _passes(made: Policy, rule: Rule, hook: str, talk: Talk, ends: tuple[IPv4Address, IPv4Address]) -> bool:
    return (
        rule.hook == hook
        and not rule.translated
        and (rule.proto, talk.port in (rule.ports or (0,))) == (talk.proto, True)
        and _holds(made, rule.source, ends[0], internet=rule.source_internet)
        and _holds(made, rule.target, ends[1], internet=rule.target_internet)
    )


def _ways(made: Policy, talk: Talk, source: IPv4Address, target: IPv4Address) -> list[tuple[str, str]]:
    between = [name for name, host in made.hosts.items() if host.gateway]
    crosses = _zone(made, source) != _zone(made, target)
    return [(talk.source, "output"), (talk.target, "input"), *((gw, "forward") for gw in between if crosses)]


def _judge(made: Policy) -> tuple[set[Talk], set[Talk], set[Talk]]:
    """Return what flows say, what passes every host on its way, and what passes at least one of them."""
    held = {host: rules(made, host) for host in made.hosts}
    said, every, some = set(), set(), set()
    for talk, *ends in _talks(made):
        source, target = ends
        if any(_said(made, one, talk, source, target) for one in made.flows):
            said.add(talk)
        open_ = [
            any(_passes(made, rule, hook, talk, (source, target)) for rule in held[host])
            for host, hook in _ways(made, talk, source, target)
        ]
        if all(open_):
            every.add(talk)
        if any(open_):
            some.add(talk)
    return said, every, some


@pytest.fixture(scope="module")
def lab() -> Policy:
    made = load(LAB).policy
    assert made is not None
    return made


def test_the_lab_lets_through_what_flows_say(lab: Policy) -> None:
    """Each ordered pair of managed hosts has exactly the services that a flow of the lab gives it."""
    said, every, _ = _judge(lab)
    assert every == said


def test_the_lab_is_as_many_conversations_as_were_counted(lab: Policy) -> None:
    """The bastion reaches eight hosts by ssh and ping and serves them in four ways, vault1 in two, log1 in one.

    Both edges reach the application, and that the database; the gateway tells log1 what it saw.
    """
    said, _, _ = _judge(lab)
    sent = {talk.source for talk in said if (talk.target, talk.proto, talk.port) == ("log1", "tcp", 30344)}
    assert sent == {"gw1", "edge1", "edge2", "app1", "db1", "ops1", "vault1", "backup1"}
    others = [talk for talk in said if talk.port != 30344]
    assert sorted((talk.proto, talk.port, talk.source == "ops1", talk.target == "ops1") for talk in others) == sorted(
        [("tcp", 22, True, False), ("icmp", 0, True, False)] * 8
        + [(*service, False, True) for service in (("udp", 53), ("tcp", 53), ("udp", 123), ("tcp", 3142))] * 8
        + [("tcp", port, False, False) for port in (4717, 4718)] * 7
        + [("tcp", port, True, False) for port in (4717, 4718)]
        + [("tcp", port, False, False) for port in (8080, 8080, 5432, 20514)]
    )


@given(st.lists(flows(), max_size=3))
def test_any_flows_let_through_what_they_say(drawn: list[dict[str, object]]) -> None:
    """Whatever flows a small site has, its hosts together allow those conversations and no others."""
    made = policy(*({**one, "name": f"talk{number}"} for number, one in enumerate(drawn)))
    said, every, _ = _judge(made)
    assert every == said


def test_no_host_of_the_lab_relies_on_another(lab: Policy) -> None:
    """What one host on the way allows the others allow too, except for the published door, whose ends stand open."""
    said, _, some = _judge(lab)
    assert some == said
