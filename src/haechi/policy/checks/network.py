"""Zones, hosts and listeners: every address in its place, every name known."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import combinations

from haechi.policy.models import Host, Policy
from haechi.policy.problems import Path, Problem, Where, did_you_mean, shown
from haechi.policy.resolve import ALL, INTERNET, expand_hosts

RESERVED = {ALL, INTERNET}
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
POINT_TO_POINT = 2  # addresses of a network that has no broadcast (RFC 3021)


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of the network's shape."""
    yield from _zones(policy, where)
    yield from _hosts(policy, where)
    yield from _site(policy, where)
    yield from _listeners(policy, where)


def _zones(policy: Policy, where: Where) -> Iterable[Problem]:
    for name in policy.zones:
        if name in RESERVED or name in policy.hosts:
            why = "reserved" if name in RESERVED else "a host's name too"
            yield where.problem(("zones", name), f"zone {name} is {why}", "give the zone another name")
    for (one, first), (two, second) in combinations(policy.zones.items(), 2):
        pairs = {"cidr": (first.cidr, second.cidr), "cidr6": (first.cidr6, second.cidr6)}
        for name, (here, there) in pairs.items():
            if here is not None and there is not None and here.overlaps(there):
                what = f"{there} overlaps zone {one} ({here})"
                yield where.problem(("zones", two, name), what, "give each zone a network of its own")


def _hosts(policy: Policy, where: Where) -> Iterable[Problem]:
    taken: dict[object, str] = {}
    for name, host in policy.hosts.items():
        path: Path = ("servers", name)
        if name in RESERVED:
            yield where.problem(path, f"{name} is a reserved word", "give the host another name")
        if host.legs and not host.gateway:
            yield where.problem(
                (*path, "legs"), f"{name} has legs and is no gateway", "add `gateway: true`, or drop them"
            )
        yield from _legs(policy, where, path, host)
        if host.host_key is not None and not FINGERPRINT.fullmatch(host.host_key):
            mend = "paste what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` shows on the host's console"
            yield where.problem((*path, "host_key"), f"{shown(host.host_key)} is no fingerprint", mend)
        for address in filter(None, (host.address, *host.legs.values(), host.address6)):
            if taken.setdefault(address, name) != name:
                what = f"{address} is {taken[address]}'s address"
                yield where.problem((*path, "address"), what, "give each host its own")


def _legs(policy: Policy, where: Where, path: Path, host: Host) -> Iterable[Problem]:
    places = [((*path, "zone"), (*path, "address"), host.zone, host.address)]
    places += [((*path, "legs", zone), (*path, "legs", zone), zone, leg) for zone, leg in host.legs.items()]
    for zone_path, address_path, zone, address in places:
        if zone not in policy.zones:
            yield where.problem(zone_path, f"zone {zone} is defined nowhere", did_you_mean(zone, policy.zones))
            continue
        cidr = policy.zones[zone].cidr
        if address not in cidr:
            what = f"{address} is outside zone {zone} ({cidr})"
            yield where.problem(address_path, what, "correct the address or the zone")
        elif cidr.num_addresses > POINT_TO_POINT and address in {cidr.network_address, cidr.broadcast_address}:
            what = f"{address} is the network's own or its broadcast address, no host's"
            yield where.problem(address_path, what, f"take one between them in {cidr}")
    if host.address6 is not None and host.zone in policy.zones:
        cidr6 = policy.zones[host.zone].cidr6
        if cidr6 is None or host.address6 not in cidr6:
            what = f"{host.address6} is outside zone {host.zone} ({cidr6 or 'which has no cidr6'})"
            yield where.problem((*path, "address6"), what, "correct the address, or the zone's cidr6")


def _site(policy: Policy, where: Where) -> Iterable[Problem]:
    for name in ("bastion", "resolver", "time_server", "package_cache"):
        host = getattr(policy.site, name)
        if host is not None and host not in policy.hosts:
            yield where.problem(("site", name), f"{name} {host} is no host", did_you_mean(host, policy.hosts))
    for index, host in enumerate(policy.sshd.jump_hosts):
        if host not in policy.hosts:
            path: Path = ("sshd", "jump_hosts", index)
            yield where.problem(path, f"jump host {host} is no host", did_you_mean(host, policy.hosts))
    if not any(policy.site.control_node in zone.cidr for zone in policy.zones.values() if zone.management):
        mend = "put it into the network of a zone with `management: true`"
        yield where.problem(("site", "control_node"), f"{policy.site.control_node} is in no management zone", mend)


def _listeners(policy: Policy, where: Where) -> Iterable[Problem]:
    known = {*policy.hosts, *policy.zones, ALL}
    owner: dict[tuple[str, str, int], str] = {}
    for index, listener in enumerate(policy.listeners):
        path: Path = ("listeners", index)
        for number, name in enumerate(listener.hosts):
            if name not in known:
                what = f"{name} is no host and no zone"
                yield where.problem((*path, "hosts", number), what, did_you_mean(name, known))
        for host in expand_hosts(policy, listener.hosts):
            socket = (host, listener.proto, listener.port)
            if owner.setdefault(socket, listener.process) != listener.process:
                what = f"{owner[socket]} and {listener.process} both listen on {host} {listener.proto}/{listener.port}"
                yield where.problem((*path, "process"), what, "keep the one that is meant")
                break
