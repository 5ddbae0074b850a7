"""What follows from the VPN's policy: who has a place in it, and which flows and listeners it is. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from haechi.policy.models import Flow, Kind, Listener, Policy, State
from haechi.policy.resolve import INTERNET
from haechi.policy.vpn import Vpn

UDP, TCP = "udp", "tcp"
DNS_PORT = 53


def address(policy: Policy, vpn: Vpn) -> IPv4Address:
    """Return where the VPN listens, in its zone. Raises ``KeyError`` where the gateway has no address there."""
    if vpn.address is not None:
        return vpn.address
    host = policy.hosts[vpn.host]
    return host.address if host.zone == vpn.zone else host.legs[vpn.zone]


def gateway(vpn: Vpn) -> IPv4Address:
    """Return the gateway's own address in the tunnels."""
    return vpn.network.network_address + 1


def halves(pool: IPv4Network) -> dict[str, IPv4Network]:
    """Return a pool's addresses by transport: two OpenVPNs cannot give out of one."""
    udp, tcp = pool.subnets()
    return {UDP: udp, TCP: tcp}


def members(policy: Policy, revoked: frozenset[str]) -> dict[str, str]:
    """Return person to job of everybody who has a place in the VPN; of several jobs the VPN's first counts."""
    if policy.vpn is None:
        return {}
    found = {}
    for who in policy.identities:
        job = next((name for name in policy.vpn.jobs if name in who.jobs), None)
        if job and who.kind is Kind.PERSON and who.state is State.ACTIVE and who.id not in revoked:
            found[who.id] = job
    return found


def flows(policy: Policy) -> tuple[Flow, ...]:
    """Return the flows that the VPN is: in from outside, from each pool to what its job reaches, and its list."""
    vpn = policy.vpn
    if vpn is None or policy.pki is None:
        return ()
    outside, here = [INTERNET, vpn.zone], [f"{address(policy, vpn)}/32"]
    rows: list[dict[str, object]] = [
        {"name": "vpn-in-udp", "from": outside, "to": here, "proto": UDP, "ports": [vpn.udp_port]},
        {"name": "vpn-in-tcp", "from": outside, "to": here, "ports": [vpn.tcp_port]},
        {"name": "vpn-crl", "from": [vpn.host], "to": [policy.pki.host], "ports": [vpn.crl_port]},
    ]
    rows += [
        {"name": f"vpn-{name}", "from": [str(job.pool)], "to": job.routes, "ports": job.ports}
        for name, job in vpn.jobs.items()
    ]
    if vpn.dns:
        pools = [str(job.pool) for job in vpn.jobs.values()]
        servers = [f"{server}/32" for server in vpn.dns]
        rows.append({"name": "vpn-dns", "from": pools, "to": servers, "proto": UDP, "ports": [DNS_PORT]})
    return tuple(Flow.model_validate({**row, "reason": "The VPN, as policy has it"}) for row in rows)


def listeners(policy: Policy) -> tuple[Listener, ...]:
    """Return the sockets that the VPN opens, on the gateway and on the authority's host."""
    vpn = policy.vpn
    if vpn is None or policy.pki is None:
        return ()
    rows: tuple[dict[str, object], ...] = (
        {"hosts": [vpn.host], "proto": UDP, "port": vpn.udp_port, "process": "openvpn"},
        {"hosts": [vpn.host], "port": vpn.tcp_port, "process": "openvpn"},
        {"hosts": [policy.pki.host], "port": vpn.crl_port, "process": "systemd"},
    )
    return tuple(Listener.model_validate({**row, "reason": "The VPN, as policy has it"}) for row in rows)
