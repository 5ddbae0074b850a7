"""The firewall of one host: every flow of policy that it takes part in, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_network

from haechi.desired.nftables import Rule, ruleset
from haechi.policy import derived
from haechi.policy.models import Flow, Policy
from haechi.policy.resolve import addresses, alone, control_sources, expand_hosts, is_internet, is_outside, managed

Network = IPv4Network | IPv6Network
# Debian 12's sshd has no penalties by source (OpenSSH 9.8): this many new connections are patience enough.
SSH_RATE = "30/minute"


@dataclass(frozen=True)
class End:
    """One end of a flow: networks, and whether it is everything beyond the zones as well."""

    networks: tuple[Network, ...]
    internet: bool = False


def build(policy: Policy, host: str, _revoked: frozenset[str]) -> dict[str, object]:
    """Return the desired firewall of a host: its rules as nft reads them, and the sockets that may be open."""
    listeners = [entry for entry in derived.listeners(policy) if host in expand_hosts(policy, entry.hosts)]
    return {
        "schema": 1,
        "ruleset": ruleset(
            policy, policy.hosts[host], rules(policy, host), control_sources(policy, host), jumped_to(policy, host)
        ),
        "listeners": [
            {"proto": entry.proto, "port": entry.port, "process": entry.process, "local": entry.local}
            for entry in listeners
        ],
        "never_block": [str(network) for network in never_block(policy)],
    }


def jumped_to(policy: Policy, host: str) -> tuple[str, ...]:
    """Return the addresses of the hosts that the automation reaches through this one."""
    mine = {str(network.network_address) for network in own(policy, host)}
    others = [name for name in managed(policy) if name != host and mine & set(control_sources(policy, name))]
    return tuple(str(policy.hosts[name].address) for name in others)


def never_block(policy: Policy) -> tuple[Network, ...]:
    """Return the networks that no timed block may name: a typing error there would shut the operators out."""
    zones = [zone for zone in policy.zones.values() if zone.management]
    found: list[Network] = [network for zone in zones for network in (zone.cidr, zone.cidr6) if network is not None]
    found += [policy.vpn.network] if policy.vpn is not None else []
    control = ip_network(policy.site.control_node)
    return tuple(found if any(_within(control, network) for network in found) else [*found, control])


def rules(policy: Policy, host: str) -> tuple[Rule, ...]:
    """Return the rules of a host in policy's order, what follows from edge and VPN last."""
    found = ((flow, rule) for flow in derived.flows(policy) for rule in _of_flow(policy, host, flow))
    if not (policy.hosts[host].gateway and wanted(policy)):
        return tuple(rule for _, rule in found)
    return tuple(
        replace(rule, proxied=rule.hook in {"prerouting", "input"} and from_strangers(policy, flow))
        for flow, rule in found
    )


def wanted(policy: Policy) -> bool:
    """Return whether policy wants strangers' SYNs answered with cookies."""
    return policy.perimeter.floods is not None and policy.perimeter.floods.syn_proxy


def from_strangers(policy: Policy, flow: Flow) -> bool:
    """Return whether a flow comes over TCP, and from somebody who is not ours."""
    return flow.proto == "tcp" and any(is_outside(policy, name) for name in flow.source)


def proxied(policy: Policy, host: str) -> bool:
    """Return whether a host answers strangers' SYNs with cookies."""
    return wanted(policy) and any(rule.proxied for rule in rules(policy, host))


def own(policy: Policy, name: str) -> tuple[Network, ...]:
    """Return a host's addresses, one in each zone it has a leg in, and what it shares."""
    host = policy.hosts[name]
    found = [alone(address) for address in (host.address, *host.legs.values(), *derived.shared(policy, name))]
    return (*found, *((alone(host.address6),) if host.address6 else ()))


def _end(policy: Policy, names: tuple[str, ...]) -> End:
    networks = tuple(dict.fromkeys(network for name in names for network in addresses(policy, name)))
    return End(networks, any(map(is_internet, names)))


def _within(inner: Network, outer: Network) -> bool:
    return inner.network_address in outer and inner.broadcast_address in outer


def _mine(policy: Policy, end: End, name: str) -> End:
    return End(tuple(mine for mine in own(policy, name) if any(_within(mine, network) for network in end.networks)))


def _of_flow(policy: Policy, name: str, flow: Flow) -> Iterator[Rule]:
    host, source, target = policy.hosts[name], _end(policy, flow.source), _end(policy, flow.target)
    here = _mine(policy, source, name)
    if here.networks:
        yield _rule("output", flow, here, target)
        if flow.publish is not None:
            yield _rule("output", flow, here, _door(policy, flow), ports=(flow.publish.port,))
    here = _mine(policy, target, name)
    if here.networks:
        yield _rule("input", flow, source, here, rate=_rate(policy, name, flow))
    if not host.gateway:
        return
    if _crosses(policy, source, target):
        yield _rule("forward", flow, source, target, translated=flow.publish is not None)
    if flow.publish is not None and flow.publish.gateway == name:
        to = f"{target.networks[0].network_address}:{flow.ports[0]}"
        yield _rule("prerouting", flow, source, _door(policy, flow), ports=(flow.publish.port,), translate=to)
    if flow.masquerade:
        yield _rule("postrouting", flow, source, target)


def _rule(  # noqa: PLR0913 - a rule is what nftables asks for
    hook: str,
    flow: Flow,
    source: End,
    target: End,
    *,
    ports: tuple[int, ...] | None = None,
    rate: str | None = None,
    translate: str | None = None,
    translated: bool = False,
) -> Rule:
    return Rule(
        hook=hook,
        flow=flow.name,
        source=source.networks,
        source_internet=source.internet,
        target=target.networks,
        target_internet=target.internet,
        proto=flow.proto,
        ports=flow.ports if ports is None else ports,
        rate=rate,
        translate=translate,
        translated=translated,
    )


def _door(policy: Policy, flow: Flow) -> End:
    if flow.publish is None:
        return End(())
    gateway = policy.hosts[flow.publish.gateway]
    return End((ip_network(gateway.legs.get(flow.publish.zone, gateway.address)),))


def _crosses(policy: Policy, source: End, target: End) -> bool:
    if source.internet or target.internet:
        return True
    zones = [zone.cidr for zone in policy.zones.values()]
    ends = (*source.networks, *target.networks)
    return not any(all(_within(end, zone) for end in ends) for zone in zones)


def _rate(policy: Policy, host: str, flow: Flow) -> str | None:
    if flow.rate is not None:
        return flow.rate
    if flow.proto != "tcp" or policy.sshd.port not in flow.ports:
        return None
    automation = {ip_network(address) for address in control_sources(policy, host)}
    return None if set(_end(policy, flow.source).networks) <= automation else SSH_RATE
