"""Which forwarded packets go to Suricata, as nft(8) reads it and as iptables-restore(8) does: the same rules twice.

The chain is one of its own, behind policy's (priority 150 is that of iptables' table ``security``), so a packet comes
here only after policy let it through, and an accept here lets nothing through that policy drops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network

from haechi.policy.ids import Ids, Pair
from haechi.policy.models import Policy
from haechi.policy.resolve import INTERNET, control_sources, managed

TABLE = "haechi_ids"
PRIORITY = 150
# By instance: the numbers of two queues, and of the group that copies go to.
NUMBERS = {"open": 40, "closed": 41, "detect": 42}
# On loopback, where no packet from outside can claim to come from or go to (RFC 1122, 3.2.1.3); discard (RFC 863).
CANARY, CANARY_PORT = "127.0.77.{}", 9
PROTOCOLS = ("tcp", "udp")


@dataclass(frozen=True)
class End:
    """One end of a match: networks of one IP version; ``other`` means everything but these."""

    networks: tuple[str, ...]
    other: bool = False


@dataclass(frozen=True, kw_only=True)
class Match:
    """Packets of one direction of conversations: where to is up to ``instance``; empty means past all inspection."""

    version: int = 4
    source: End
    target: End
    proto: str = ""
    side: str = ""
    ports: tuple[int, ...] = ()
    reply: bool = False
    instance: str = ""


def instance(pair: Pair) -> str:
    """Return which Suricata looks at a pair; none is "" ."""
    if pair.mode == "none":
        return ""
    return pair.fail or "" if pair.mode == "inline" else "detect"


def instances(ids: Ids) -> tuple[str, ...]:
    """Return the instances that a policy needs, in the order of their numbers."""
    used = {instance(pair) for pair in ids.pairs}
    return tuple(name for name in NUMBERS if name in used)


def matches(policy: Policy, ids: Ids) -> tuple[Match, ...]:
    """Return what goes where, in the order in which it is asked; what nothing fits passes uninspected."""
    return (*_spared(policy), *(match for pair in ids.pairs for match in _of_pair(policy, pair)))


def _spared(policy: Policy) -> Iterator[Match]:
    """Yield the ways by which hosts are managed: a Suricata that stands still must not keep us from mending it."""
    everyone = End(tuple(f"{policy.hosts[name].address}/32" for name in managed(policy)))
    sources = {address for name in managed(policy) for address in control_sources(policy, name) if ":" not in address}
    control = End(tuple(f"{address}/32" for address in sorted(sources)))
    yield from _both(Match(source=control, target=everyone, proto="tcp", side="d", ports=(policy.sshd.port,)))
    if policy.pki is not None:
        # Hosts that cannot fetch the list of who left refuse people after a while.
        authority = End((f"{policy.hosts[policy.pki.host].address}/32",))
        ports = (policy.revocations.port, policy.pki.renewal_port)
        yield from _both(Match(source=everyone, target=authority, proto="tcp", side="d", ports=ports))


def _both(there: Match) -> Iterator[Match]:
    """Yield what asks, and what answers it."""
    yield there
    side = "s" if there.side else ""
    yield replace(there, source=there.target, target=there.source, side=side, reply=True)


def _of_pair(policy: Policy, pair: Pair) -> Iterator[Match]:
    for version in (4, 6):
        source, target = _end(policy, pair.source, version), _end(policy, pair.target, version)
        if source.networks and target.networks:
            whole = Match(version=version, source=source, target=target, instance=instance(pair))
            for proto in PROTOCOLS if pair.ports else ():
                yield from _both(replace(whole, proto=proto, side="d", ports=pair.ports))
            yield from () if pair.ports else _both(whole)


def _end(policy: Policy, name: str, version: int) -> End:
    def networks(zone: str) -> tuple[IPv4Network | IPv6Network, ...]:
        cidr = policy.zones[zone].cidr if version == 4 else policy.zones[zone].cidr6  # noqa: PLR2004 - the IP version
        return (cidr,) if cidr is not None else ()

    if name == INTERNET:
        return End(tuple(str(one) for zone in policy.zones for one in networks(zone)), other=True)
    return End(tuple(map(str, networks(name))))


def native(found: tuple[Match, ...], used: tuple[str, ...]) -> str:
    """Return the file that nft loads: our own table, swapped in one transaction."""
    lines = [
        "# Written by Haechi (role ids) from policy.",
        f"add table inet {TABLE}",
        f"delete table inet {TABLE}",
        f"table inet {TABLE} {{",
        "  chain forward {",
        f"    type filter hook forward priority {PRIORITY}; policy accept;",
        *(f"    {_nft(match)}" for match in found),
        "  }",
        "  chain output {",
        f"    type filter hook output priority {PRIORITY}; policy accept;",
        *(f"    ip daddr {canary(name)} udp dport {CANARY_PORT} counter {_to(name)}" for name in used),
        "  }",
        "}",
    ]
    return "".join(f"{line}\n" for line in lines)


def canary(name: str) -> str:
    """Return where an instance's canary is sent."""
    return CANARY.format(NUMBERS[name])


def _nft(match: Match) -> str:
    family = "ip" if match.version == 4 else "ip6"  # noqa: PLR2004 - the IP version
    ends = (("saddr", match.source), ("daddr", match.target))
    words = [f"{family} {word} {'!= ' if end.other else ''}{_set(end.networks)}" for word, end in ends]
    words += [f"{match.proto} {match.side}port {_set(map(str, match.ports))}"] if match.ports else []
    return f"{' '.join(words)} ct direction {'reply' if match.reply else 'original'} counter {_to(match.instance)}"


def _to(name: str) -> str:
    if name == "detect":
        return f"log group {NUMBERS[name]} accept"
    return f"queue num {NUMBERS[name]}{' bypass' if name == 'open' else ''}" if name else "accept"


def _set(words: Iterator[str] | tuple[str, ...]) -> str:
    listed = [*words]
    return listed[0] if len(listed) == 1 else f"{{ {', '.join(listed)} }}"


def restored(found: tuple[Match, ...], used: tuple[str, ...], version: int) -> str:
    """Return what iptables-restore loads for one IP version: table ``security``, which nothing else of Debian uses."""
    lines, chains = list[str](), list[str]()
    for match in (one for one in found if one.version == version):
        lines += _iptables(match, chains)
    for name in used if version == 4 else ():  # noqa: PLR2004 - the IP version
        lines += [f"-A OUTPUT -d {canary(name)}/32 -p udp --dport {CANARY_PORT} {to}" for to in _jumps(name)]
    head = [f":{chain} ACCEPT [0:0]" for chain in ("INPUT", "FORWARD", "OUTPUT")]
    rows = ["# Written by Haechi (role ids) from policy.", "*security", *head, *(f":{one} - [0:0]" for one in chains)]
    return "".join(f"{line}\n" for line in (*rows, *lines, "COMMIT"))


def _iptables(match: Match, chains: list[str]) -> Iterator[str]:
    ends = (("-s", match.source), ("-d", match.target))
    words = [f"{word} {','.join(end.networks)}" for word, end in ends if not end.other]
    words += (
        [f"-p {match.proto} -m multiport --{match.side}ports {','.join(map(str, match.ports))}"] if match.ports else []
    )
    words += [f"-m conntrack --ctdir {'REPLY' if match.reply else 'ORIGINAL'}"]
    others = [(word, one) for word, end in ends if end.other for one in end.networks]
    if not others:
        yield from (f"-A FORWARD {' '.join(words)} {to}" for to in _jumps(match.instance))
        return
    # iptables has no "none of these": a chain of its own leaves them out one by one.
    chain = f"HAECHI_{len(chains)}"
    chains.append(chain)
    yield f"-A FORWARD {' '.join(words)} -j {chain}"
    yield from (f"-A {chain} {word} {one} -j RETURN" for word, one in others)
    yield from (f"-A {chain} {to}" for to in _jumps(match.instance))


def _jumps(name: str) -> tuple[str, ...]:
    """Return the targets that a match comes to, one rule each."""
    if name == "detect":
        return (f"-j NFLOG --nflog-group {NUMBERS[name]}", "-j ACCEPT")
    return (
        (f"-j NFQUEUE --queue-num {NUMBERS[name]}{' --queue-bypass' if name == 'open' else ''}",)
        if name
        else ("-j ACCEPT",)
    )
