"""What follows from other parts of policy: flows that nobody has to write twice, and sockets meant to be open."""

from __future__ import annotations

from ipaddress import IPv4Address

from haechi.policy import tunnels
from haechi.policy.models import Flow, Listener, Policy


def flows(policy: Policy) -> tuple[Flow, ...]:
    """Return the flows of policy, what the edge's two hosts say to each other, and those that the VPN is."""
    return (*policy.flows, *_between_edges(policy), *tunnels.flows(policy))


def listeners(policy: Policy) -> tuple[Listener, ...]:
    """Return the listeners of policy, the edge's and the VPN's."""
    return (*policy.listeners, *_of_edge(policy), *tunnels.listeners(policy))


def shared(policy: Policy, host: str) -> tuple[IPv4Address, ...]:
    """Return the addresses that a host has, or may come to have, besides its own: the edge's, and the VPN's."""
    edge, vpn = policy.edge, policy.vpn
    moving = (edge.address,) if edge is not None and host in edge.hosts else ()
    further = (vpn.address,) if vpn is not None and vpn.address is not None and host == vpn.host else ()
    return (*moving, *further)


def _between_edges(policy: Policy) -> tuple[Flow, ...]:
    if policy.edge is None:
        return ()
    pair = {"from": policy.edge.hosts, "to": policy.edge.hosts}
    moves = {"name": "edge-vrrp", "proto": "vrrp", "reason": "The pair agrees on who has the shared address (RFC 9568)"}
    counts = {"name": "edge-peers", "ports": (policy.edge.peers_port,), "reason": "What one edge counts, both know"}
    return (Flow.model_validate(pair | moves), Flow.model_validate(pair | counts))


def _of_edge(policy: Policy) -> tuple[Listener, ...]:
    if policy.edge is None:
        return ()
    ports = {policy.edge.port: "What the outside asks for", policy.edge.peers_port: "What the other edge counted"}
    rows = [Listener(hosts=policy.edge.hosts, port=port, process="haproxy", reason=why) for port, why in ports.items()]
    named = {(row.proto, row.port) for row in policy.listeners if set(policy.edge.hosts) <= {*row.hosts}}
    return tuple(row for row in rows if (row.proto, row.port) not in named)
