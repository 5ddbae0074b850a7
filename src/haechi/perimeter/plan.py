"""What a host tries for the zone matrix: some hosts of every zone, each port of every flow, and what intruders seek."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from haechi.desired import firewall
from haechi.perimeter.ways import Packet, Ways, source_of
from haechi.policy.models import Policy

# Of a zone with more hosts each host tries the few behind itself in policy's order: together they try most pairs.
HOSTS_OF_A_ZONE = 4
# What opens when a wall is down: file transfer, terminals, mail, web, shares, RPC, databases, desktops, search.
SOUGHT = (21, 22, 23, 25, 80, 111, 443, 445, 3306, 3389, 5432, 6379, 8080, 9200, 27017)
Target = tuple[str, str, int]


def tries_from(policy: Policy, host: str) -> list[Target]:
    """Return what a host tries, each ``(address, proto, port)`` once; a port of ICMP is 0.

    Raises ``KeyError`` where policy has no such host.
    """
    sample = [*_sample(policy, host), *map(str, policy.perimeter.beacons)]
    found = [(address, proto, port) for address in sample for proto, port in services(policy)]
    ways, legs = Ways(policy, [host]), {str(leg) for one in policy.hosts.values() for leg in one.legs.values()}
    # sshd hears few strangers of one source at once (PerSourceMaxStartups, sshd_config(5)), and logins are tried beside
    # this: where the way is declared, one address of a gateway shows it.
    spared = {one for one in found if one[1:] == ("tcp", policy.sshd.port) and one[0] in legs}
    kept = [one for one in found if one not in spared or not ways.sends(host, _packet(policy, host, *one))]
    return list(dict.fromkeys((*kept, *_named(policy, host))))


def asked(policy: Policy, host: str) -> list[tuple[str, str, int, bool]]:
    """Return what a host is asked to try, and whether it waits long: for an answer, and not for one that must not come.

    Raises ``KeyError`` where policy has no such host.
    """
    ways = Ways(policy, [host])
    return [(*one, ways.sends(host, _packet(policy, host, *one))) for one in tries_from(policy, host)]


def _packet(policy: Policy, host: str, address: str, proto: str, port: int) -> Packet:
    target = IPv4Address(address)
    return Packet(source_of(policy, host, target), target, proto, port)


def services(policy: Policy) -> tuple[tuple[str, int], ...]:
    """Return every protocol and port that is tried everywhere."""
    declared = [(flow.proto, port) for flow in policy.flows for port in flow.ports or (0,)]
    doors = [("tcp", flow.publish.port) for flow in policy.flows if flow.publish is not None]
    sought = [("tcp", port) for port in (policy.sshd.port, *SOUGHT, *policy.perimeter.ports)]
    return tuple(sorted({*declared, *doors, *sought}))


def _sample(policy: Policy, host: str) -> Iterator[str]:
    own, names = policy.hosts[host], [*policy.hosts]
    behind = names.index(host) + 1
    mine = {own.address, *own.legs.values()}
    for zone in policy.zones:
        places = [_place(policy, name, zone) for name in (*names[behind:], *names[:behind])]
        yield from [str(address) for address in places if address and address not in mine][:HOSTS_OF_A_ZONE]


def _place(policy: Policy, name: str, zone: str) -> IPv4Address | None:
    host = policy.hosts[name]
    return host.address if host.zone == zone else host.legs.get(zone)


def _named(policy: Policy, host: str) -> Iterator[Target]:
    """Yield the ways that flows give to hosts by name, however many there are in a zone."""
    flows = {rule.flow for rule in firewall.rules(policy, host) if rule.hook == "output"}
    for flow in policy.flows:
        for name in flow.target if flow.name in flows else ():
            if name in policy.hosts and name != host:
                yield from ((str(policy.hosts[name].address), flow.proto, port) for port in flow.ports or (0,))
