"""Rules as nft(8) reads them: own tables only, swapped in one transaction, foreign tables untouched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Any

from haechi.desired import floods, synproxy
from haechi.desired.synproxy import Door
from haechi.policy.models import Host, Policy

Network = IPv4Network | IPv6Network
# Assigned by IANA; no file of the host has to know the name.
VRRP = 112
TABLE, BLOCK = "haechi", "haechi_block"
# Neighbour discovery must work before anything else does, and only from the link itself: hop limit 255 (RFC 4861).
ND_TYPES = "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert"
MLD_TYPES = "mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report"
LOG = 'limit rate 10/minute burst 20 packets log prefix "haechi {} drop: "'


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One allowed conversation at one hook of one host."""

    hook: str
    flow: str
    source: tuple[Network, ...]
    target: tuple[Network, ...]
    proto: str
    ports: tuple[int, ...]
    source_internet: bool = False
    target_internet: bool = False
    rate: str | None = None
    translate: str | None = None
    translated: bool = False
    proxied: bool = False


@dataclass(frozen=True)
class Ends:
    """Where ssh connections that a host carries or answers begin, and where those that pass through it end."""

    control: tuple[str, ...] = ()
    jumped_to: tuple[str, ...] = ()


def ruleset(
    policy: Policy, host: Host, rules: Iterable[Rule], control: Iterable[str] = (), jumped_to: Iterable[str] = ()
) -> str:
    """Return the whole file of a host.

    ``control`` are the addresses that the automation comes from, ``jumped_to`` those that it reaches through this host.
    """
    made, ends = tuple(rules), Ends(tuple(control), tuple(jumped_to))
    return "\n".join(
        [
            "#!/usr/sbin/nft -f",
            "# Written by Haechi (role firewall) from policy. Loading it swaps our own tables and no others.",
            f"add table inet {TABLE}",
            f"delete table inet {TABLE}",
            f"table inet {TABLE} {{",
            *_indented(_table(policy, host, made, ends)),
            "}",
            "",
            *_block(policy),
            "",
        ]
    )


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" if line else "" for line in lines)


def _table(policy: Policy, host: Host, rules: tuple[Rule, ...], ends: Ends) -> Iterator[str]:
    for flow in dict.fromkeys(rule.flow for rule in rules):
        yield f"counter flow-{flow} {{ }}"
    for rule in rules:
        if rule.rate is not None:
            yield f"set rate-{rule.flow} {{ type ipv4_addr; size 65535; flags dynamic,timeout; timeout 1h; }}"
    doors = tuple(door for rule in rules if rule.proxied for door in _doors(policy, rule))
    yield from floods.table(policy, host, cookies=bool(doors))
    yield from _chain("spoofed", "filter", "prerouting", -290, "accept", [_SPOOFED])
    yield from _for_doors(policy, doors)
    unknown = {hook: list(_unknown(policy, hook, ends)) if doors else [] for hook in ("input", "output", "forward")}
    unknown["input"] += synproxy.answered(doors)
    for hook, first in (("input", ()), ("output", synproxy.sent(doors))):
        head = [*first, *_head(policy, hook, unknown[hook]), *_older(policy, hook, ends)]
        yield from _chain(hook, "filter", hook, 0, "drop", [*head, *_lines(policy, rules, hook), *_tail(hook)])
    only_four = ["meta nfproto ipv6 counter drop"] if policy.site.ipv6 == "off" else []
    older = _older(policy, "forward", ends) if host.gateway else ()
    forward = [*only_four, *_state(unknown["forward"]), *older, *_bridges(host)]
    forward += [*_lines(policy, rules, "forward"), *_tail("forward")]
    yield from _chain("forward", "filter", "forward", 0, "drop", forward)
    if any(rule.hook == "prerouting" for rule in rules):
        yield from _chain("published", "nat", "prerouting", -100, "accept", _lines(policy, rules, "prerouting"))
    if any(rule.hook == "postrouting" for rule in rules):
        yield from _chain("masqueraded", "nat", "postrouting", 100, "accept", _lines(policy, rules, "postrouting"))


# A source that this interface has no way back to is forged (BCP 38).
_SPOOFED = "meta nfproto ipv4 fib saddr . iif oif missing counter drop"


def _chain(name: str, kind: str, hook: str, priority: int, default: str, lines: Iterable[str]) -> Iterator[str]:  # noqa: PLR0913, PLR0917
    yield f"chain {name} {{"
    yield f"  type {kind} hook {hook} priority {priority}; policy {default};"
    yield from _indented(lines)
    yield "}"


def _doors(policy: Policy, rule: Rule) -> Iterator[Door]:
    """Yield a rule's doors: one for each pair of ends, over IPv4 alone."""

    def both(ends: tuple[Network, ...], *, internet: bool) -> list[tuple[str, str]]:
        asking, answering = (_match(policy, f"ip {way}", ends, 4, internet=internet) for way in ("saddr", "daddr"))
        return list(zip(asking, answering, strict=True))

    ports = _set(map(str, rule.ports))
    for source, back in both(rule.source, internet=rule.source_internet):
        for mine, here in both(rule.target, internet=False):
            asks = f"{source} {here} tcp dport {ports}"
            opens = asks if rule.translate is None else f"{source} {_behind(rule.translate)}"
            local = replace(rule, hook="output", translate=None)
            yield Door(
                flow=rule.flow,
                asks=asks,
                answers=f"{mine} {back} tcp sport {ports}",
                opens=tuple(_verdicts(local, "ip", f"{opens} {synproxy.FIRST}")),
                to=rule.translate,
            )


def _behind(translate: str) -> str:
    address, _, port = translate.partition(":")
    return f"ip daddr {address} tcp dport {port} ct status dnat"


def _for_doors(policy: Policy, doors: tuple[Door, ...]) -> Iterator[str]:
    limits = policy.perimeter.floods
    if limits is None or not doors:
        return
    for name, hook, lines in synproxy.chains(doors, floods.ours4(policy), limits.held):
        yield f"chain {name} {{"
        yield from _indented([*([f"type {hook}; policy accept;"] if hook else []), *lines])
        yield "}"


def _state(unknown: Iterable[str] = ()) -> Iterator[str]:
    yield "ct state established,related accept"
    yield from unknown
    yield "ct state invalid drop"


def _head(policy: Policy, hook: str, unknown: Iterable[str]) -> Iterator[str]:
    yield f"{'iif' if hook == 'input' else 'oif'} lo accept"
    if policy.site.ipv6 == "off":
        yield "meta nfproto ipv6 counter drop"
        yield from _state(unknown)
        return
    yield f"icmpv6 type {{ {ND_TYPES} }} ip6 hoplimit 255 accept"
    yield f"icmpv6 type {{ {MLD_TYPES} }} ip6 saddr fe80::/10 accept"
    yield from _state(unknown)


def _older(policy: Policy, hook: str, ends: Ends) -> Iterator[str]:
    """Yield what lets sshd go on answering connections from before the first rules, which nothing tracked.

    Without it the very task that loads the rules waits for ssh's next keep-alive, and a login that a gateway's first
    rules find half-way never sees the banner. A SYN never passes.
    """
    way, addresses = ("saddr", ends.jumped_to) if hook == "input" else ("daddr", ends.control)
    four = [address for address in addresses if ":" not in address]
    if four:
        only = f"ip {way} {_set(four)} tcp sport {policy.sshd.port} tcp flags & (syn | rst | ack) == ack"
        yield f'{only} ct state new accept comment "answers on older connections"'


def _unknown(policy: Policy, hook: str, ends: Ends) -> Iterator[str]:
    """Yield what keeps the automation's connections where none is picked up (nf_conntrack_tcp_loose = 0): both ways."""
    rows = {
        "input": (("saddr", "dport", ends.control), ("saddr", "sport", ends.jumped_to)),
        "output": (("daddr", "sport", ends.control), ("daddr", "dport", ends.jumped_to)),
        "forward": (("saddr", "dport", ends.control), ("daddr", "sport", ends.control)),
    }[hook]
    for way, side, addresses in rows:
        four = [address for address in addresses if ":" not in address]
        if four:
            only = f"ip {way} {_set(four)} tcp {side} {policy.sshd.port} tcp flags & (syn | rst | ack) == ack"
            yield f'{only} ct state invalid accept comment "older connections"'


def _tail(hook: str) -> Iterator[str]:
    yield LOG.format(hook)
    yield "counter"


def _bridges(host: Host) -> Iterator[str]:
    """Yield what a container engine needs: ``docker0`` may open connections, ``docker0:tcp/8080`` is published.

    The port is the one that the client asked for; the container's own may be another.
    """
    for entry in host.containers:
        bridge, _, published = entry.partition(":")
        if published:
            proto, _, port = published.partition("/")
            yield f'oifname "{bridge}" meta l4proto {proto} ct status dnat ct original proto-dst {port} accept'
        else:
            yield f'iifname "{bridge}" accept'


def _lines(policy: Policy, rules: tuple[Rule, ...], hook: str) -> Iterator[str]:
    for rule in rules:
        if rule.hook == hook:
            yield from _rule_lines(policy, rule)


def _rule_lines(policy: Policy, rule: Rule) -> Iterator[str]:
    for family, version in (("ip", 4), ("ip6", 6)):
        source = _match(policy, f"{family} saddr", rule.source, version, internet=rule.source_internet)
        target = _match(policy, f"{family} daddr", rule.target, version, internet=rule.target_internet)
        for one in source:
            for two in target:
                # What is published is reached by its published port, and not by its own address as well.
                only = " ct status dnat" if rule.translated else ""
                yield from _verdicts(rule, family, f"{one} {two} {_service(rule, version)}{only}")


def _verdicts(rule: Rule, family: str, match: str) -> Iterator[str]:
    if rule.rate is not None and family == "ip":
        yield f"{match} ct state new add @rate-{rule.flow} {{ ip saddr limit rate over {rule.rate} }} counter drop"
    if rule.hook == "prerouting":
        verdict = f"dnat ip to {rule.translate}"
    else:
        verdict = "masquerade" if rule.hook == "postrouting" else "accept"
    # A translated flow is counted where it is accepted, and not twice.
    count = f"counter name flow-{rule.flow} " if verdict == "accept" else ""
    if rule.hook != "prerouting" or family == "ip":
        yield f'{match} {count}{verdict} comment "{rule.flow}"'


def _service(rule: Rule, version: int) -> str:
    if rule.proto == "icmp":
        return f"{'icmp' if version == 4 else 'icmpv6'} type echo-request"  # noqa: PLR2004 - the IP version
    if rule.proto == "vrrp":
        return f"meta l4proto {VRRP}"
    return f"{rule.proto} dport {_set(map(str, rule.ports))}"


def _match(policy: Policy, word: str, networks: tuple[Network, ...], version: int, *, internet: bool) -> list[str]:
    """Return the matches for one end in one IP version; none means that this version takes no part."""
    same: list[Any] = [network for network in networks if network.version == version]
    found = list(collapse_addresses(same))
    matches = [f"{word} {_set(map(_short, found))}"] if found else []
    zones = [zone.cidr if version == 4 else zone.cidr6 for zone in policy.zones.values()]  # noqa: PLR2004
    inside = [str(zone) for zone in zones if zone is not None]
    return [*matches, f"{word} != {_set(inside)}"] if internet and inside else matches


def _short(network: Network) -> str:
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _set(words: Iterable[str]) -> str:
    listed = list(words)
    return listed[0] if len(listed) == 1 else f"{{ {', '.join(listed)} }}"


def _block(policy: Policy) -> Iterator[str]:
    """Yield the table of timed blocks: loading it again changes its rules and keeps its elements."""
    management = [zone for zone in policy.zones.values() if zone.management]
    never = {"4": [str(z.cidr) for z in management], "6": [str(z.cidr6) for z in management if z.cidr6 is not None]}
    if not any(policy.site.control_node in zone.cidr for zone in management):
        never["4"].append(str(policy.site.control_node))
    never["4"] += [str(policy.vpn.network)] if policy.vpn is not None else []
    yield f"table inet {BLOCK} {{"
    for version in ("4", "6"):
        yield f"  set never{version} {{ type ipv{version}_addr; flags interval; }}"
        yield f"  set block{version} {{ type ipv{version}_addr; flags interval,timeout; }}"
    for hook in ("prerouting", "output"):
        yield f"  chain {hook} {{ type filter hook {hook} priority -310; policy accept; }}"
    yield "}"
    for version in ("4", "6"):
        yield f"flush set inet {BLOCK} never{version}"
        if never[version]:
            yield f"add element inet {BLOCK} never{version} {{ {', '.join(never[version])} }}"
    for hook, side in (("prerouting", "saddr"), ("output", "daddr")):
        yield f"flush chain inet {BLOCK} {hook}"
        for version, family in (("4", "ip"), ("6", "ip6")):
            yield f"add rule inet {BLOCK} {hook} {family} {side} @never{version} return"
            yield f"add rule inet {BLOCK} {hook} {family} {side} @block{version} counter drop"
