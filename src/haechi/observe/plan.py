"""Which connections a host tries in an audit: what policy lets it reach, and a few that policy does not."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any

from haechi.policy.models import Flow, Host, Policy
from haechi.policy.resolve import INTERNET, addresses, managed

UNDECLARED = "undeclared"
OPEN, CLOSED = "open", "closed"
# Each costs the host a second in parallel with the others: enough to notice an open network, no scan.
SAMPLE = 6
Networks = tuple[IPv4Network | IPv6Network, ...]


def probes_from(policy: Policy, host: str) -> list[dict[str, Any]]:
    """Return the TCP connections that a host tries: ``{what, to, address, port, expected}``.

    ``what`` is the flow's name, or ``undeclared`` for one of at most six that no flow allows. Only managed hosts are
    tried: of others nobody knows what they answer. Raises ``KeyError`` where policy has no such host.
    """
    declared = [probe for flow in policy.flows for probe in _declared(policy, host, flow)]
    return [*{(p["address"], p["port"]): p for p in declared}.values(), *_undeclared(policy, host)]


def allows(policy: Policy, source: Host, address: IPv4Address, port: int) -> bool:
    """Return whether a TCP flow of policy lets one host reach an address."""
    return any(
        flow.proto == "tcp"
        and port in flow.ports
        and flow.publish is None
        and _takes_part(policy, source, address, _networks(policy, flow.source))
        and (INTERNET in flow.target or _holds(_networks(policy, flow.target), address))
        for flow in policy.flows
    )


def _declared(policy: Policy, host: str, flow: Flow) -> Iterator[dict[str, Any]]:
    if flow.proto != "tcp" or flow.publish:
        return
    sources, targets = _networks(policy, flow.source), _networks(policy, flow.target)
    for name in managed(policy):
        address = next((one for one in _own(policy.hosts[name]) if _holds(targets, one)), None)
        if name != host and address is not None and _takes_part(policy, policy.hosts[host], address, sources):
            for port in flow.ports:
                yield _probe(flow.name, name, address, port, OPEN)


def _undeclared(policy: Policy, host: str) -> list[dict[str, Any]]:
    """Return the sample, starting behind the host in policy's order: a fleet together tries most of its pairs."""
    hosts = managed(policy)
    here = hosts.index(host) + 1 if host in hosts else 0
    flows = [flow for flow in policy.flows if flow.proto == "tcp"]
    pairs = [
        _probe(UNDECLARED, name, policy.hosts[name].address, port, CLOSED)
        for port in dict.fromkeys([policy.sshd.port, *(port for flow in flows for port in flow.ports)])
        for name in (*hosts[here:], *hosts[:here])
        if name != host and not allows(policy, policy.hosts[host], policy.hosts[name].address, port)
    ]
    return pairs[:SAMPLE]


def _probe(what: str, to: str, address: IPv4Address, port: int, expected: str) -> dict[str, Any]:
    return {"what": what, "to": to, "address": str(address), "port": port, "expected": expected}


def _networks(policy: Policy, names: tuple[str, ...]) -> Networks:
    return tuple(network for name in names for network in addresses(policy, name))


def _own(host: Host) -> tuple[IPv4Address, ...]:
    return (host.address, *host.legs.values())


def _takes_part(policy: Policy, host: Host, target: IPv4Address, networks: Networks) -> bool:
    """Return whether some networks hold the address that a host comes from when it goes to a target.

    A gateway goes to a zone from its leg there, whatever other zones it is in (ip(7), the route decides).
    """
    legs = {host.zone: host.address, **host.legs}
    nearest = [own for zone, own in legs.items() if target in policy.zones[zone].cidr]
    return any(_holds(networks, address) for address in nearest or _own(host))


def _holds(networks: Networks, address: IPv4Address) -> bool:
    return any(address in network for network in networks)
