"""Limits by source where strangers come in: that they stand in front of every other rule, and how tight they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from haechi.controls.model import Breaker, Case, Control, Severity, Verdict, none_of, not_here
from haechi.desired import floods

CHAINS = {"flooders": -300, "floods": -150}


def limited(case: Case) -> Verdict:
    """Hold that the chains of limits are hooked in, and that each has a rule that drops or leads to one."""
    limits, host = case.policy.perimeter.floods, case.policy.hosts[case.host]
    live = [item for item in case.posture.firewall.live if isinstance(item, Mapping)]
    expected = "what one source beyond our walls may open, hold and send is limited"
    if not floods.applies(case.policy, host):
        return not_here("strangers reach other hosts before this one", expected)
    if limits is None:
        return not_here("policy sets no limits (perimeter.floods)", expected)
    bad = [problem for name in CHAINS for problem in _chain(live, name)]
    seen = f"{limits.opened_per_second} connections begun and {limits.completed_per_second} completed a second, "
    seen += (
        f"{limits.held} held, {limits.datagrams_per_second} datagrams a second; shut out for {limits.block_minutes} min"
    )
    return none_of(bad, expected, f"of one source: {seen}")


def _chain(live: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    chains = [item["chain"] for item in live if item.get("chain", {}).get("name") == name]
    if [chain.get("prio") for chain in chains if chain.get("hook") == "prerouting"] != [CHAINS[name]]:
        return [f"chain {name} is not hooked in at {CHAINS[name]}"]
    rules = [item["rule"] for item in live if item.get("rule", {}).get("chain") == name]
    acting = [rule for rule in rules if any("drop" in part or "jump" in part for part in rule.get("expr", []))]
    return [] if acting else [f"no rule of chain {name} drops anything"]


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
