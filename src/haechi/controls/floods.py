"""Limits by source where strangers come in: that they stand before every other rule, and are those of policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from haechi.controls.model import Breaker, Case, Control, Severity, Verdict, none_of, not_here
from haechi.observe.posture import UnknownError
from haechi.policy.models import Host, Policy
from haechi.policy.perimeter import Floods
from haechi.policy.resolve import is_outside

# Before anything is tracked, and before any other rule that knows the connection (netfilter's own priorities).
CHAINS = {"flooders": -300, "floods": -150}
# SYNs to a gateway's doors are taken out before tracking (-200), and no last ACK is taken for an older connection's.
COOKIES, LOOSE = {"cookies": -250}, "net.netfilter.nf_conntrack_tcp_loose"
Rule = Mapping[str, Any]


def limited(case: Case) -> Verdict:
    """Hold that what each source may do is limited by what policy says, as the kernel has it over IPv4.

    The rules of IPv6 are of the same making; that none was changed by hand is ``firewall-live-is-file``.
    """
    limits = case.policy.perimeter.floods
    live = [item for item in case.posture.firewall.live if isinstance(item, Mapping)]
    expected = "what one source beyond our walls may open, hold and send is limited"
    if not _meets_strangers(case.policy, case.policy.hosts[case.host]):
        return not_here("strangers reach other hosts before this one", expected)
    if limits is None:
        return not_here("policy sets no limits (perimeter.floods)", expected)
    found = dict(_found([item["rule"] for item in live if "rule" in item]))
    doors = _doors(case.policy, case.host) if limits.syn_proxy else ()
    chains = CHAINS | (COOKIES if doors else {})
    bad = [f"chain {name} is not hooked in at {at}" for name, at in chains.items() if not _hooked(live, name, at)]
    bad += [
        f"{name}: {found.get(name, 'no limit')}, not {wanted}"
        for name, wanted in _wanted(limits)
        if found.get(name) != wanted
    ]
    answered = _answered(live) if doors else frozenset()
    bad += [f"port {port}: SYNs are not answered with cookies" for port in doors if port not in answered]
    bad += _loose(case.posture.sysctl.values) if doors else []
    told = "of one source: " + ", ".join(f"{name} {value}" for name, value in found.items())
    cookies = f"; SYNs to {', '.join(map(str, doors))} answered with cookies" if doors else ""
    return none_of(bad, expected, told + cookies)


def _doors(policy: Policy, host: str) -> tuple[int, ...]:
    """Return the TCP ports of a gateway that strangers reach: published ones, and the VPN's."""
    found = [
        flow.publish.port
        for flow in policy.flows
        if flow.publish is not None and flow.publish.gateway == host and flow.proto == "tcp"
        if any(is_outside(policy, name) for name in flow.source)
    ]
    gateway = policy.hosts[host].gateway
    return (*found, *((policy.vpn.tcp_port,) if gateway and policy.vpn and policy.vpn.host == host else ()))


def _answered(live: Sequence[Mapping[str, Any]]) -> frozenset[int]:
    """Return the ports whose SYNs are both kept from tracking and answered with cookies (libnftables-json(5))."""
    rules = [item["rule"] for item in live if "rule" in item]

    def ports(chain: str, does: str) -> set[int]:
        parts = [rule["expr"] for rule in rules if rule.get("chain") == chain]
        return {port for expr in parts if any(does in part for part in expr) for port in _ports(expr)}

    return frozenset(ports("cookies", "notrack") & ports("input", "synproxy"))


def _ports(expr: Sequence[Mapping[str, Any]]) -> Iterator[int]:
    for part in (part["match"] for part in expr if "match" in part):
        left, right = part.get("left"), part.get("right")
        if isinstance(left, Mapping) and left.get("payload") == {"protocol": "tcp", "field": "dport"}:
            yield from [
                one for one in (right["set"] if isinstance(right, Mapping) else [right]) if isinstance(one, int)
            ]


def _loose(values: Mapping[str, str | None]) -> list[str]:
    """Return what is wrong with how connections are picked up. Raises ``UnknownError`` where nobody asked."""
    if LOOSE not in values:
        raise UnknownError(f"sysctl: not asked for {LOOSE}")
    return [] if values[LOOSE] == "0" else [f"{LOOSE} = {values[LOOSE]}, not 0"]


def _meets_strangers(policy: Policy, host: Host) -> bool:
    zones = [policy.zones[name] for name in (host.zone, *host.legs) if name in policy.zones]
    return host.gateway or any(zone.exposure != "inside" for zone in zones)


def _wanted(limits: Floods) -> tuple[tuple[str, str], ...]:
    return (
        ("opened", f"{limits.opened_per_second} a second"),
        ("held", f"{limits.held} at once"),
        ("datagrams", f"{limits.datagrams_per_second} a second"),
        ("completed", f"{limits.completed_per_second} a second"),
        ("shut out", f"{limits.block_minutes * 60} s"),
        ("flooders", "dropped"),
    )


def _hooked(live: Sequence[Mapping[str, Any]], name: str, priority: int) -> bool:
    chains = [item["chain"] for item in live if "chain" in item and item["chain"].get("name") == name]
    return [(chain.get("hook"), chain.get("prio")) for chain in chains] == [("prerouting", priority)]


def _found(rules: Sequence[Rule]) -> Iterator[tuple[str, str]]:
    """Yield what the rules limit, by name (libnftables-json(5), SET, LIMIT, CT COUNT)."""
    for chain, expr in ((rule.get("chain"), rule.get("expr", [])) for rule in rules):
        drops = any("drop" in part for part in expr)
        for part in (part["set"] for part in expr if "set" in part):
            name = str(part.get("set")).removeprefix("@").removesuffix("4")
            if chain == "floods" and drops:
                yield from ((name, words) for words in _limit(part))
            if chain == "completions4":
                yield from ((name, words) for words in _limit(part))
                yield from [("shut out", f"{part['elem']['elem']['timeout']} s")] if name == "flooder" else []
        if chain == "flooders" and drops:
            yield "flooders", "dropped"


def _limit(part: Mapping[str, Any]) -> Iterator[str]:
    for one in part.get("stmt", []):
        if "ct count" in one and one["ct count"].get("inv"):
            yield f"{one['ct count']['val']} at once"
        if "limit" in one and one["limit"].get("inv"):
            yield f"{one['limit']['rate']} a {one['limit']['per']}"


CONTROLS = (
    Control(
        id="floods-limited",
        title_ko="외부 출발지별 접속·패킷 제한(DoS 방어)",
        title_en="What one source outside may open, hold and send is limited",
        severity=Severity.HIGH,
        articles=("efsr-15-1-1", "efsr-15-4", "ismsp-2.9.2", "ismsp-2.11.3", "iso-a.8.6", "iso-a.8.20"),
        judge=limited,
        breaker=Breaker(
            how="the limits are flushed",
            script="nft flush chain inet haechi floods",
            touches=("nft",),
            also=("firewall-live-is-file",),
            hosts=("gw1", "edge1", "edge2"),
        ),
    ),
)
