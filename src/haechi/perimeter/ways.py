"""What policy lets through, read off the rules that hosts are given: out of one, through a gateway, into another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from haechi.desired import firewall
from haechi.desired.nftables import Rule
from haechi.policy.models import Policy
from haechi.policy.resolve import expand_hosts, zone_of


@dataclass(frozen=True)
class Packet:
    """The first packet of a conversation; ``port`` is 0 where the protocol has none."""

    source: IPv4Address
    target: IPv4Address
    proto: str
    port: int


@dataclass(frozen=True)
class Way:
    """A way that a flow gives; ``served``: policy declares a listener where it ends, or a managed host for a ping."""

    flow: str
    served: bool


def source_of(policy: Policy, host: str, target: IPv4Address) -> IPv4Address:
    """Return the address that a host comes from when it goes to a target: a gateway's leg there, if it has one."""
    own = policy.hosts[host]
    return {own.zone: own.address, **own.legs}.get(zone_of(policy, target) or own.zone, own.address)


class Ways:
    """The rules of a policy's hosts, asked about single packets."""

    def __init__(self, policy: Policy, hosts: Iterable[str] | None = None) -> None:
        """Take the rules of some hosts, or of all, as ``haechi.desired.firewall`` makes them."""
        self._policy = policy
        self._rules: defaultdict[tuple[str, str, str], list[Rule]] = defaultdict(list)
        for name in policy.hosts if hosts is None else hosts:
            for rule in firewall.rules(policy, name):
                self._rules[name, rule.hook, rule.proto].append(rule)
        self.owners = {
            address: name for name, host in policy.hosts.items() for address in (host.address, *host.legs.values())
        }
        self._listening = {
            (host, listener.proto, listener.port)
            for listener in policy.listeners
            if not listener.local
            for host in expand_hosts(policy, listener.hosts)
        }
        self._gateways = [name for name, host in policy.hosts.items() if host.gateway]

    def sends(self, host: str, packet: Packet) -> bool:
        """Return whether a host's own rules let a packet out."""
        return self._rule(host, "output", packet) is not None

    def of(self, host: str, packet: Packet) -> Way | None:
        """Return the way by which a packet of a host arrives; None where policy lets it nowhere."""
        sent = self._rule(host, "output", packet)
        arriving, translated = (packet, False) if host in self._gateways else self._translated(packet)
        owner = self.owners.get(arriving.target)
        crosses = host not in self._gateways and owner not in self._gateways and self._crosses(arriving)
        if sent is None or (crosses and not self._forwarded(arriving, translated=translated)):
            return None
        if owner is None or not self._policy.hosts[owner].managed:
            return Way(sent.flow, served=False)
        if self._rule(owner, "input", arriving) is None:
            return None
        served = packet.proto == "icmp" or (owner, packet.proto, arriving.port) in self._listening
        return Way(sent.flow, served=served)

    def _translated(self, packet: Packet) -> tuple[Packet, bool]:
        for gateway in self._gateways:
            rule = self._rule(gateway, "prerouting", packet)
            if rule is not None and rule.translate is not None:
                address, _, port = rule.translate.rpartition(":")
                return replace(packet, target=IPv4Address(address), port=int(port)), True
        return packet, False

    def _crosses(self, packet: Packet) -> bool:
        here = zone_of(self._policy, packet.source)
        return here is None or here != zone_of(self._policy, packet.target)

    def _forwarded(self, packet: Packet, *, translated: bool) -> bool:
        rules = (rule for name in self._gateways for rule in self._rules[name, "forward", packet.proto])
        return any(rule.translated == translated and self._matches(rule, packet) for rule in rules)

    def _rule(self, host: str, hook: str, packet: Packet) -> Rule | None:
        found = self._rules[host, hook, packet.proto]
        return next((rule for rule in found if self._matches(rule, packet)), None)

    def _matches(self, rule: Rule, packet: Packet) -> bool:
        return (
            (packet.port in rule.ports or packet.proto == "icmp")
            and self._holds(rule.source, packet.source, internet=rule.source_internet)
            and self._holds(rule.target, packet.target, internet=rule.target_internet)
        )

    def _holds(self, networks: tuple[IPv4Network | IPv6Network, ...], address: IPv4Address, *, internet: bool) -> bool:
        return any(address in network for network in networks) or (internet and zone_of(self._policy, address) is None)
