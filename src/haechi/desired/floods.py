"""Limits on what strangers send: what one source may open, hold and send, at the hosts that strangers reach first.

A source address can be forged until a handshake is complete (RFC 4987, section 2). So what is above a limit is dropped,
and only a source that completes too many handshakes is shut out for a time: no forged packet shuts out somebody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from haechi.policy.models import Host, Policy
from haechi.policy.perimeter import Floods

# One bit of the connection's mark: its handshake has been counted.
COUNTED = "0x40000000"
SIZE = "size 65535"
LOG = 'limit rate 10/minute burst 20 packets log prefix "haechi flooder: "'


class _Family(NamedTuple):
    """One IP version in nft's words; a stranger has a whole /64 of IPv6 (RFC 6177), so that is one source."""

    number: str
    source: str
    word: str
    ping: str


FOUR = _Family("4", "ip saddr", "ip", "icmp")
SIX = _Family("6", "ip6 saddr & ffff:ffff:ffff:ffff::", "ip6", "ipv6-icmp")


def applies(policy: Policy, host: Host) -> bool:
    """Return whether strangers reach a host before any other of ours: a gateway, or one of a zone that answers them."""
    exposed = {policy.zones[zone].exposure for zone in (host.zone, *host.legs) if zone in policy.zones}
    return host.gateway or bool(exposed & {"dmz", "outside"})


def table(policy: Policy, host: Host, *, cookies: bool = False) -> Iterator[str]:
    """Yield the sets and chains that a host's table has for floods; nothing where policy sets no limits.

    With ``cookies`` some SYNs come untracked: who holds how many is counted when their handshakes are complete.
    """
    limits = policy.perimeter.floods
    if limits is None or not applies(policy, host):
        return
    # Over IPv6 no flow leads anywhere unless a zone has a network of it.
    six = policy.site.ipv6 != "off" and any(zone.cidr6 is not None for zone in policy.zones.values())
    families = (FOUR, SIX) if six else (FOUR,)
    for family in families:
        yield from _sets(family)
    for name, hook, lines in _chains(policy, limits, families, cookies=cookies):
        yield f"chain {name} {{"
        yield from (f"  {line}" for line in (*hook, *lines))
        yield "}"


def _sets(family: _Family) -> Iterator[str]:
    kind = f"type ipv{family.number}_addr; {SIZE}"
    yield f"set flooder{family.number} {{ {kind}; flags dynamic,timeout; }}"
    for name in ("opened", "completed", "datagrams"):
        yield f"set {name}{family.number} {{ {kind}; flags dynamic,timeout; timeout 1m; }}"
    yield f"set held{family.number} {{ {kind}; flags dynamic; }}"


def _chains(
    policy: Policy, limits: Floods, families: tuple[_Family, ...], *, cookies: bool
) -> Iterator[tuple[str, tuple[str, ...], list[str]]]:
    """Yield each chain's name, its hook and its rules.

    Flooders are dropped before anything is tracked; the limits need to know the connection (netfilter's conntrack
    stands at -200).
    """
    early = ("type filter hook prerouting priority -300; policy accept;",)
    late = ("type filter hook prerouting priority -150; policy accept;",)
    yield "flooders", early, [f"{one.source} @flooder{one.number} counter drop" for one in families]
    ours = [(one, names) for one, names in _ours(policy) if one in families]
    passed = ["iif lo return", *(_passed(one, names) for one, names in ours)]
    yield "floods", late, [*passed, *(line for one in families for line in _limits(one, limits, cookies=cookies))]
    for one in families:
        yield f"completions{one.number}", (), list(_completed(one, limits))


def ours4(policy: Policy) -> str:
    """Return the rule that lets our own networks past a chain of limits."""
    return next(_passed(one, names) for one, names in _ours(policy) if one is FOUR)


def _passed(family: _Family, names: list[str]) -> str:
    return f"{family.word} saddr {{ {', '.join(names)} }} return"


def _ours(policy: Policy) -> Iterator[tuple[_Family, list[str]]]:
    """Yield the networks that no limit is for, so that nobody in them is ever shut out: ours, and the people's VPN."""
    zones = [zone for zone in policy.zones.values() if zone.exposure != "outside"]
    four: list[IPv4Network] = [zone.cidr for zone in zones]
    four += [policy.vpn.network] if policy.vpn is not None else []
    control = IPv4Network(policy.site.control_node)
    four += [] if any(control.subnet_of(one) for one in four) else [control]
    six: list[IPv6Network] = [zone.cidr6 for zone in zones if zone.cidr6 is not None]
    yield FOUR, [str(one) for one in four]
    if six:
        yield SIX, [str(one) for one in six]


def _limits(family: _Family, limits: Floods, *, cookies: bool) -> Iterator[str]:
    source, number = family.source, family.number
    only = f"meta nfproto ipv{number}"
    begun = f"{only} tcp flags & (fin | syn | rst | ack) == syn"
    yield f"{begun} add @opened{number} {{ {source} {_over(limits.opened_per_second)} }} counter drop"
    if cookies and family is FOUR:
        yield "ct state untracked return"
    # The kernel counts a connection by its first packet alone (nf_conncount since Linux 6.18).
    yield f"{begun} add @held{number} {{ {source} ct count over {limits.held} }} counter drop"
    rate = _over(limits.datagrams_per_second)
    which = f"{only} meta l4proto {{ udp, {family.ping} }} ct state new"
    yield f"{which} add @datagrams{number} {{ {source} {rate} }} counter drop"
    # Whose address was forged answers with RST, which completes nothing.
    last = f"tcp flags & (syn | rst | ack) == ack ct state established ct direction original ct mark & {COUNTED} == 0"
    yield f"{only} {last} ct mark set ct mark | {COUNTED} jump completions{number}"


def _completed(family: _Family, limits: Floods) -> Iterator[str]:
    source, number = family.source, family.number
    shut = f"update @flooder{number} {{ {source} timeout {limits.block_minutes}m }}"
    yield f"add @completed{number} {{ {source} {_over(limits.completed_per_second)} }} {shut} {LOG}"
    yield f"{source} @flooder{number} counter drop"


def _over(count: int) -> str:
    return f"limit rate over {count}/second burst {count} packets"
