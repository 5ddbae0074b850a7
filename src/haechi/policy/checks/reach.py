"""Nobody is locked out: the automation reaches every host, and so does an operator."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, ip_network

from haechi.policy import derived
from haechi.policy.models import Kind, Policy, State
from haechi.policy.problems import Path, Problem, Where
from haechi.policy.resolve import access_on, addresses, is_internet, managed, operators_on

NOBODY: frozenset[str] = frozenset()


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of a policy that would shut somebody out who must get in."""
    bastion = policy.site.bastion
    if bastion is not None and not policy.hosts[bastion].managed:
        yield where.problem(("site", "bastion"), f"bastion {bastion} is not managed", "name a managed host")
        return
    if bastion is not None and bastion not in policy.sshd.jump_hosts:
        what = f"bastion {bastion} is no jump host: it would forward nobody to the other hosts"
        yield where.problem(("sshd", "jump_hosts"), what, f"add {bastion}")
    for host in managed(policy):
        yield from _automation(policy, where, host)
        yield from _way(policy, where, host)
    yield from _operators(policy, where)


def _automation(policy: Policy, where: Where, host: str) -> Iterable[Problem]:
    for access in access_on(policy, host, NOBODY):
        if access.identity.kind is not Kind.AUTOMATION or access.identity.state is not State.ACTIVE:
            continue
        free = any("ALL" in rule.commands and rule.nopasswd and rule.run_as == "root" for rule in access.sudo)
        if not (access.login and free):
            what = f"{access.identity.id} would be cut off {host}: no job gives it login and NOPASSWD: ALL there"
            yield where.problem(_identity(policy, access.identity.id), what, "give it a job that reaches every host")
        elif not access.keys:
            what = f"{access.identity.id} would be cut off every host: it has no public key"
            yield where.problem(
                _identity(policy, access.identity.id), what, f"add one under `keys: {access.identity.id}:`"
            )


def _identity(policy: Policy, name: str) -> Path:
    return ("identities", next(index for index, i in enumerate(policy.identities) if i.id == name))


def _way(policy: Policy, where: Where, host: str) -> Iterable[Problem]:
    bastion = policy.site.bastion
    direct = bastion is None or bastion == host
    source = policy.site.control_node if direct or bastion is None else policy.hosts[bastion].address
    name = "the control node" if direct else f"bastion {bastion}"
    if not allowed(policy, source, policy.hosts[host].address):
        what = f"{host} would be cut off: no flow lets {name} ({source}) reach its port {policy.sshd.port}"
        yield where.problem(("servers", host), what, "add a tcp flow for it")
    elif not joined(policy, source, policy.hosts[host].address):
        what = f"{host} would be cut off: no gateway joins its zone with {name}'s"
        yield where.problem(("servers", host), what, "give a gateway a leg in both zones")


def allowed(policy: Policy, source: IPv4Address, target: IPv4Address, port: int | None = None) -> bool:
    """Return whether a flow lets an address reach a tcp port of another, sshd's if none is named."""
    return any(
        flow.proto == "tcp"
        and (port or policy.sshd.port) in flow.ports
        and any(_holds(policy, end, source) for end in flow.source)
        and any(_holds(policy, end, target) for end in flow.target)
        for flow in policy.flows
    )


def led_to(policy: Policy, target: IPv4Address, port: int) -> bool:
    """Return whether any flow leads to a tcp port of an address, wherever from."""
    return any(
        flow.proto == "tcp" and port in flow.ports and any(_holds(policy, end, target) for end in flow.target)
        for flow in policy.flows
    )


def joined(policy: Policy, source: IPv4Address, target: IPv4Address) -> bool:
    """Return whether two addresses share a zone, or a gateway has a leg in both of theirs."""
    zones = [{name for name, zone in policy.zones.items() if address in zone.cidr} for address in (source, target)]
    if zones[0] & zones[1]:
        return True
    legs = [{host.zone, *host.legs} for host in policy.hosts.values() if host.gateway]
    return any(leg & zones[0] and leg & zones[1] for leg in legs)


def _operators(policy: Policy, where: Where) -> Iterable[Problem]:
    if not any(access.keys for host in managed(policy) for access in operators_on(policy, host, NOBODY)):
        mend = "give active people a job with login and a public key"
        yield where.problem(("identities",), "no operator could log in anywhere", mend)
        return
    bastion = policy.site.bastion
    on_bastion = {a.identity.id for a in operators_on(policy, bastion, NOBODY) if a.keys} if bastion else None
    for host in managed(policy):
        able = {access.identity.id for access in operators_on(policy, host, NOBODY) if access.keys}
        able &= on_bastion if on_bastion is not None else able
        if not able:
            what = f"no operator could log in to {host}"
            through = f" (and to the bastion {bastion})" if bastion else ""
            yield where.problem(("servers", host), what, f"let an active person's job reach it{through}, with a key")
    if not _people_get_in(policy):
        what = f"no flow lets people reach {bastion or 'any host'} from beyond the control node"
        yield where.problem(("flows",), what, f"add a tcp flow to port {policy.sshd.port} from where operators sit")


def _people_get_in(policy: Policy) -> bool:
    doors = (policy.site.bastion,) if policy.site.bastion else managed(policy)
    machines = {network for name in managed(policy) for network in addresses(policy, name)}
    machines.add(ip_network(policy.site.control_node))
    ends = {
        end
        for flow in derived.flows(policy)
        if flow.proto == "tcp" and policy.sshd.port in flow.ports
        if any(_holds(policy, target, policy.hosts[door].address) for target in flow.target for door in doors)
        for end in flow.source
    }
    return any(is_internet(end) or not machines.issuperset(addresses(policy, end)) for end in ends)


def _holds(policy: Policy, end: str, address: IPv4Address) -> bool:
    return any(address in network for network in addresses(policy, end))
