"""The VPN: on a gateway, with addresses that are nobody else's, for jobs that exist, to places that exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from haechi.policy import derived, tunnels
from haechi.policy.models import Policy
from haechi.policy.problems import Path, Problem, Where, did_you_mean
from haechi.policy.resolve import expand_hosts, managed
from haechi.policy.vpn import Vpn

# Two halves, each with its network's own and its broadcast address besides two for people.
SMALLEST = 8


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of ``vpn``."""
    vpn = policy.vpn
    if vpn is None:
        return
    if policy.pki is None:
        what = "people of the VPN have certificates, and policy names no authority (pki)"
        yield where.problem(("vpn",), what, "add `pki: {host: ...}`, or take `vpn` out")
    yield from _host(policy, vpn, where)
    for name, zone in policy.zones.items():
        if vpn.network.overlaps(zone.cidr):
            what = f"{vpn.network} overlaps zone {name} ({zone.cidr})"
            yield where.problem(("vpn", "network"), what, "give tunnels a network that is no zone's")
    for name in vpn.jobs:
        yield from _job(policy, vpn, where, name)
    for (one, first), (two, second) in combinations(vpn.jobs.items(), 2):
        if first.pool.overlaps(second.pool):
            what = f"pool {second.pool} overlaps that of {one} ({first.pool})"
            yield where.problem(("vpn", "jobs", two, "pool"), what, "give each job addresses of its own")


def _host(policy: Policy, vpn: Vpn, where: Where) -> Iterator[Problem]:
    host = policy.hosts.get(vpn.host)
    if host is None or not host.gateway or vpn.host not in managed(policy):
        gateways = [name for name in managed(policy) if policy.hosts[name].gateway]
        what = f"{vpn.host} is no managed gateway, so no tunnel could lead on from there"
        yield where.problem(("vpn", "host"), what, did_you_mean(vpn.host, gateways))
        return
    legs = {host.zone, *host.legs}
    if vpn.zone not in legs:
        yield where.problem(("vpn", "zone"), f"{vpn.host} has no leg in {vpn.zone}", did_you_mean(vpn.zone, legs))
    else:
        yield from _sockets(policy, where)
        yield from _address(policy, vpn, where)
    for number, flow in enumerate(policy.flows):
        door = flow.publish
        taken = door and (door.gateway, door.zone, door.port) == (vpn.host, vpn.zone, vpn.tcp_port)
        if door and taken and flow.proto == "tcp" and vpn.address is None:
            path: Path = ("flows", number, "publish", "port")
            what = f"port {door.port} of {vpn.host} in {vpn.zone} is the VPN's (vpn.tcp_port)"
            yield where.problem(path, what, "publish another port, or give the VPN one, or an `address` of its own")
        if flow.name.startswith("vpn-"):
            what = f"flow {flow.name} has a name of the VPN's own"
            yield where.problem(("flows", number, "name"), what, "give it a name that does not begin with vpn-")


def _address(policy: Policy, vpn: Vpn, where: Where) -> Iterator[Problem]:
    """Yield where the VPN's own address is not in its zone, or somebody else's."""
    if vpn.address is None or vpn.zone not in policy.zones:
        return
    cidr = policy.zones[vpn.zone].cidr
    if vpn.address not in cidr:
        what = f"{vpn.address} is outside zone {vpn.zone} ({cidr}), where the VPN listens"
        yield where.problem(("vpn", "address"), what, f"take a free address of {cidr}")
    owners = {one: name for name, host in policy.hosts.items() for one in (host.address, *host.legs.values())}
    if vpn.address in owners:
        what = f"{vpn.address} is the address of {owners[vpn.address]} already"
        yield where.problem(("vpn", "address"), what, "take one that no host has, or leave `address` out")


def _sockets(policy: Policy, where: Where) -> Iterator[Problem]:
    """Yield a problem for each port of the VPN at which something else of policy listens on the same host."""
    own = tunnels.listeners(policy)
    taken = {
        (host, row.proto, row.port): row.process
        for row in derived.listeners(policy)
        if row not in own
        for host in expand_hosts(policy, row.hosts)
    }
    for row in own:
        other = taken.get((row.hosts[0], row.proto, row.port), row.process)
        if other != row.process:
            what = f"{other} and {row.process} both listen on {row.hosts[0]} {row.proto}/{row.port}"
            yield where.problem(("vpn",), what, "give the VPN another udp_port, tcp_port or crl_port")


def _job(policy: Policy, vpn: Vpn, where: Where, name: str) -> Iterator[Problem]:
    job, path = vpn.jobs[name], ("vpn", "jobs", name)
    if name not in policy.jobs:
        yield where.problem(path, f"job {name} is defined nowhere", did_you_mean(name, policy.jobs))
    if not job.pool.subnet_of(vpn.network):
        what = f"pool {job.pool} is outside vpn.network ({vpn.network})"
        yield where.problem((*path, "pool"), what, "take its addresses from the network")
    elif job.pool.num_addresses < SMALLEST or vpn.network.network_address in job.pool:
        what = f"pool {job.pool} is smaller than a /29, or holds the gateway's own address"
        yield where.problem((*path, "pool"), what, "take a /29 or larger behind the network's first addresses")
    for number, route in enumerate(job.routes):
        if route not in policy.zones and route not in policy.hosts:
            what = f"{route} is no zone and no host, so no route leads there"
            yield where.problem((*path, "routes", number), what, did_you_mean(route, {*policy.zones, *policy.hosts}))
