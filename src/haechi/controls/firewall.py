"""The firewall: what the kernel holds, what the file amounts to, and what the next boot loads."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from haechi.controls.model import Breaker, Case, Control, Severity, Verdict, failed, none_of, passed
from haechi.observe.posture import UnknownError

FAMILY, TABLE = "inet", "haechi"
HOOKS = ("input", "output", "forward")
# Tables that container engines make: iptables-nft's, Docker's own since 28, and netavark's.
# Of the role offboarding, whose account it shuts in.
WALL = "inet haechi_receive"
ENGINES = frozenset(
    {
        *(f"{family} {table}" for family in ("ip", "ip6") for table in ("filter", "nat", "raw", "mangle")),
        *("ip docker-bridges", "ip6 docker-bridges", "inet netavark"),
    }
)
# Behind policy's own chain they hand packets to Suricata, by nft or where a kernel has no queue by iptables-nft.
QUEUED = frozenset({"inet haechi_ids", "ip security", "ip6 security"})
Rule = Mapping[str, Any]
STATE, KNOWN = {"ct": {"key": "state"}}, ("established", "related")
# What lets a packet pass, here or in a chain of its own; behind a queue a program decides.
ONWARD = {"accept", "goto", "jump", "queue"}


def default_drop(case: Case) -> Verdict:
    """Whatever no rule allows is dropped, in, out and through, over IPv4 and IPv6 alike."""
    bases = [chain for chain in _ours(case, "chain") if chain.get("type") == "filter"]
    seen = {hook: [chain.get("policy") for chain in bases if chain.get("hook") == hook] for hook in HOOKS}
    bad = [f"{hook}: {policies or 'no chain'}" for hook, policies in seen.items() if "drop" not in policies]
    return none_of(bad, "policy drop at input, output and forward of one inet table", "policy drop at all three hooks")


def live_is_file(case: Case) -> Verdict:
    """Exactly the rules that the file amounts to are in force; one made by hand is none of them."""
    firewall = case.posture.firewall
    if not firewall.file:
        raise UnknownError(f"firewall: what the file amounts to was not seen: {firewall.file_error}")
    live, file = _counted(firewall.live), _counted(firewall.file)
    bad = [f"not in the file: {_short(item)}" for item in (live - file).elements()]
    bad += [f"not in force: {_short(item)}" for item in (file - live).elements()]
    if not bad and _order(firewall.live) != _order(firewall.file):
        bad = ["the same rules in another order"]
    return none_of(bad, "the rules in force are those of the file", f"{sum(live.values())} objects, all of them alike")


def file_is_policy(case: Case) -> Verdict:
    """Policy makes the file that a boot loads, to the byte."""
    wanted = hashlib.sha256(case.desired["firewall"]["ruleset"].encode()).hexdigest()
    seen = case.posture.firewall.file_sha256
    verdict = passed if seen == wanted else failed
    return verdict(f"sha256 {seen or 'of no file'}", f"sha256 {wanted}")


def no_foreign_table(case: Case) -> Verdict:
    """Nobody else's table stands beside ours, and the receiver of HR has its wall: it opens no connection."""
    engines = ENGINES if case.policy.hosts[case.host].containers else frozenset()
    hears = case.policy.hr is not None and case.policy.hr.receiver == case.host
    walls = {WALL} if hears else set()
    # What they hold is another control's (ids-queues-as-policy).
    queued = QUEUED if case.policy.ids is not None and case.host in case.policy.ids.hosts else frozenset()
    beside = set(case.posture.firewall.foreign_tables)
    # A drop in any table is final, and an accept ends its own chain only (nft(8)).
    bad = [*sorted(beside - engines - walls - queued), *(f"{wall} is missing" for wall in sorted(walls - beside))]
    expected = "no table but ours" + (" and the container engine's" if engines else "")
    return none_of(bad, expected, expected)


def at_boot(case: Case) -> Verdict:
    """Before the network is up, the next boot loads the rules."""
    state = case.posture.firewall.service
    return (passed if state == "enabled" else failed)(f"haechi-firewall.service is {state}", "enabled")


def forwards_nothing(case: Case) -> Verdict:
    """Nothing new passes through a host that is no gateway and runs no containers."""
    host = case.policy.hosts[case.host]
    firewall = case.posture.firewall
    rules = [rule for rule in _ours(case, "rule") if rule.get("chain") == "forward"]
    opened = [rule for rule in rules if _opens(rule)]
    unclear = [rule for rule in rules if _opens(rule) is None]
    told = [_short({"rule": rule}) for rule in opened]
    chains = [chain for chain in _ours(case, "chain") if chain.get("hook") == "forward"]
    told += [] if any(chain.get("policy") == "drop" for chain in chains) else ["nothing drops at the forward hook"]
    if host.gateway or host.containers:
        count = len(opened) + len(unclear)
        seen = f"{count} rules let connections through, and packets are {'' if firewall.forwarding else 'not '}"
        verdict = passed if firewall.forwarding or not host.gateway else failed
        return verdict(f"{seen}forwarded", "a gateway forwards what its flows say")
    if firewall.forwarding and not case.posture.host.container:
        told.append("net.ipv4.ip_forward = 1")
    if unclear and not told:
        raise UnknownError(f"firewall: what this lets through was not seen: {_short({'rule': unclear[0]})}")
    return none_of(told, "no rule lets a new connection through", "no rule of the forward hook lets one through")


def _ours(case: Case, kind: str) -> list[Rule]:
    found = (item.get(kind) for item in case.posture.firewall.live)
    mine = [row for row in found if isinstance(row, Mapping)]
    return [row for row in mine if row.get("family") == FAMILY and row.get("table") == TABLE]


def _counted(items: Iterable[Rule]) -> Counter[str]:
    return Counter(json.dumps(item, sort_keys=True) for item in items if "metainfo" not in item)


def _order(items: Iterable[Rule]) -> dict[str, list[str]]:
    """Return each chain's rules in their order; that of tables is when they were loaded, and decides nothing."""
    chains: dict[str, list[str]] = {}
    for item in items:
        rule = item.get("rule")
        if isinstance(rule, Mapping):
            where = json.dumps([rule.get(name) for name in ("family", "table", "chain")])
            chains.setdefault(where, []).append(json.dumps(rule, sort_keys=True))
    return chains


def _short(item: str | Rule) -> str:
    row = json.loads(item) if isinstance(item, str) else item
    kind, body = next(iter(row.items()), ("nothing", {}))
    body = body if isinstance(body, Mapping) else {}
    where = " ".join(str(body[key]) for key in ("table", "chain", "name", "comment") if key in body)
    return f"{kind} {where} {json.dumps(body['expr'])[:120]}" if "expr" in body else f"{kind} {where}"


def _opens(rule: Rule) -> bool | None:
    """Return whether a rule may let pass, or hand on, what belongs to no known connection; None where none can tell."""
    expr = rule.get("expr")
    parts = [part for part in expr if isinstance(part, Mapping)] if isinstance(expr, list) else []
    if any(_is_known(part.get("match")) for part in parts):
        return False
    mapped = [_mapped(part["vmap"]) for part in parts if "vmap" in part]
    if any(ONWARD & set(verdict) for verdicts in (parts, *mapped) for verdict in verdicts or ()):
        return True
    return False if parts and parts == expr and None not in mapped else None


def _is_known(match: object) -> bool:
    """Return whether a match is ``ct state`` with states of known connections alone (libnftables-json(5), MATCH)."""
    if not isinstance(match, Mapping) or match.get("left") != STATE or match.get("op") not in {"in", "=="}:
        return False
    right = match.get("right")
    right = right.get("set") if isinstance(right, Mapping) else right
    states = right if isinstance(right, list) else [right]
    return bool(states) and all(state in KNOWN for state in states)


def _mapped(vmap: object) -> list[Rule] | None:
    """Return the verdicts of a verdict map for all but known connections; None for one whose elements are elsewhere."""
    key, data = (vmap.get("key"), vmap.get("data")) if isinstance(vmap, Mapping) else (None, None)
    pairs = data.get("set") if isinstance(data, Mapping) else None
    pairs = pairs if isinstance(pairs, list) else [None]
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):  # noqa: PLR2004 -- a key and its verdict
        return None
    verdicts = [verdict for word, verdict in pairs if key != STATE or word not in KNOWN]
    return verdicts if all(isinstance(verdict, Mapping) for verdict in verdicts) else None


CONTROLS = (
    Control(
        id="firewall-default-drop",
        title_ko="방화벽 기본 차단 정책(수신·송신·전달, IPv4·IPv6)",
        title_en="What no rule allows is dropped, in, out and through",
        severity=Severity.HIGH,
        articles=("pipc-6-1-1", "efsr-15-1-1", "ismsp-2.6.1", "kisa2026-u-28", "iso-a.8.20"),
        judge=default_drop,
        breaker=Breaker(
            how="the input hook's policy is set to accept",
            script="nft chain inet haechi input '{ policy accept; }'",
            touches=("nft",),
            also=("firewall-live-is-file", "U-28"),
        ),
    ),
    Control(
        id="firewall-live-is-file",
        title_ko="적용 중인 방화벽 규칙과 설정 파일의 일치",
        title_en="The rules in force are those of the file",
        severity=Severity.HIGH,
        articles=("ismsp-2.9.1", "ismsp-2.10.1", "efsr-15-2", "iso-a.8.9"),
        judge=live_is_file,
        breaker=Breaker(
            how="a port is opened by hand",
            script="nft insert rule inet haechi input tcp dport 9999 accept",
            touches=("nft",),
        ),
    ),
    Control(
        id="firewall-file-is-policy",
        title_ko="방화벽 설정 파일과 승인된 정책의 일치",
        title_en="The file that a boot loads is the one that policy makes",
        severity=Severity.HIGH,
        articles=("ismsp-2.6.1", "ismsp-2.9.1", "iso-a.8.9"),
        judge=file_is_policy,
        breaker=Breaker(
            how="the file is edited and not loaded",
            script="echo '# edited by hand' >> /etc/haechi/firewall.nft",
            touches=("nft",),
        ),
    ),
    Control(
        id="firewall-no-foreign-table",
        title_ko="승인되지 않은 방화벽 테이블 존재 여부",
        title_en="No table stands beside ours",
        severity=Severity.MEDIUM,
        articles=("ismsp-2.6.1", "iso-a.8.20"),
        judge=no_foreign_table,
        breaker=Breaker(
            how="somebody makes a table of their own",
            script="nft add table inet hx",
            mend="undo",
            undo="nft delete table inet hx",
            touches=("nft:inet hx",),
        ),
    ),
    Control(
        id="firewall-at-boot",
        title_ko="부팅 시 방화벽 자동 적용",
        title_en="The next boot loads the rules before the network",
        severity=Severity.HIGH,
        articles=("efsr-15-2", "ismsp-2.10.1", "iso-a.8.20"),
        judge=at_boot,
        breaker=Breaker(
            how="the unit is disabled",
            script="systemctl --quiet disable haechi-firewall.service",
            mend="undo",
            undo="systemctl --quiet enable haechi-firewall.service",
            touches=("unit:haechi-firewall",),
            also=("U-28",),
        ),
    ),
    Control(
        id="firewall-forwards-nothing",
        title_ko="게이트웨이 외 서버의 패킷 전달 금지",
        title_en="Nothing passes through a host that is no gateway",
        severity=Severity.HIGH,
        articles=("pipc-6-1-1", "efsr-15-1-3", "ismsp-2.6.1", "iso-a.8.22"),
        judge=forwards_nothing,
        breaker=Breaker(
            how="the forward hook lets everything through",
            script="nft insert rule inet haechi forward accept",
            touches=("nft",),
            also=("firewall-live-is-file",),
            hosts=("edge1", "edge2", "app1", "db1", "log1", "vault1", "backup1"),
        ),
    ),
)
