"""Two listings of nft are compared by their rules, not by what packets and people did to them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.guard.nft import normal, refused

MATCH = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}
NEVER = {"set": {"name": "never4", "flags": ["interval"], "elem": [{"prefix": {"addr": "10.9.4.0", "len": 24}}]}}
LIMIT = {"limit": {"rate": 20, "burst": 5, "per": "minute", "inv": True}}
SOURCE = {"payload": {"protocol": "ip", "field": "saddr"}}
ADD = {"set": {"op": "add", "elem": SOURCE, "set": "@rate-talk", "stmt": [LIMIT]}}
BLOCKED = [{"elem": {"val": "203.0.113.7", "timeout": 3600, "expires": 3599}}]


def rule(*expressions: dict[str, Any], **more: object) -> dict[str, Any]:
    """Return one rule of a listing."""
    return {"rule": {"family": "inet", "table": "haechi", "chain": "input", **more, "expr": list(expressions)}}


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        pytest.param(
            {"nftables": [{"metainfo": {"version": "1.0.6"}}, {"table": {"name": "haechi", "handle": 7}}]},
            {"nftables": [{"table": {"name": "haechi"}}]},
            id="release-and-handles",
        ),
        pytest.param(
            rule(MATCH, {"counter": {"packets": 5, "bytes": 300}}, {"accept": None}, handle=9),
            rule(MATCH, {"counter": {}}, {"accept": None}),
            id="counts-in-a-rule",
        ),
        pytest.param(
            {"counter": {"name": "flow-talk", "table": "haechi", "handle": 2, "packets": 5, "bytes": 300}},
            {"counter": {"name": "flow-talk", "table": "haechi"}},
            id="named-counter",
        ),
        pytest.param(
            {"quota": {"name": "q", "bytes": 100, "used": 3, "inv": False}},
            {"quota": {"name": "q", "inv": False}},
            id="used-quota",
        ),
        pytest.param(
            {"set": {"name": "block4", "handle": 3, "flags": ["interval", "timeout"], "elem": BLOCKED}},
            {"set": {"name": "block4", "flags": ["interval", "timeout"]}},
            id="blocks-of-people",
        ),
        pytest.param(
            {"set": {"name": "rate-talk", "flags": ["dynamic", "timeout"], "timeout": 3600, "elem": BLOCKED}},
            {"set": {"name": "rate-talk", "flags": ["dynamic", "timeout"], "timeout": 3600}},
            id="sources-seen-by-a-rate",
        ),
        pytest.param(NEVER, NEVER, id="elements-of-policy-stay"),
        pytest.param(rule(MATCH, ADD, {"drop": None}), rule(MATCH, ADD, {"drop": None}), id="rules-stay"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_what_changes_by_itself_is_dropped(listed: object, expected: object) -> None:
    """Handles, counts and elements that come and go are left out, everything policy wrote is kept."""
    assert normal(listed) == expected


@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param(rule(MATCH, {"accept": None}), rule(MATCH, {"drop": None}), id="verdict"),
        pytest.param(rule(MATCH, {"accept": None}), rule({"accept": None}), id="match"),
        pytest.param([rule(MATCH), rule(ADD)], [rule(ADD), rule(MATCH)], id="order"),
        pytest.param([rule(MATCH)], [rule(MATCH), rule(MATCH)], id="another-rule"),
        pytest.param(NEVER, {"set": NEVER["set"] | {"elem": []}}, id="never-blocked"),
        pytest.param({"chain": {"policy": "drop"}}, {"chain": {"policy": "accept"}}, id="policy-of-a-chain"),
    ],
)
def test_a_foreign_hand_is_seen(one: object, two: object) -> None:
    """A change of a rule, its order or what policy put into a set makes two listings differ."""
    assert normal(one) != normal(two)


LACKS = """/etc/haechi/firewall.nft:84:5-20: Error: Could not process rule: No such file or directory
    tcp dport 443 ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm
                                             ^^^^^^^^
"""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(LACKS, "set perimeter.floods.syn_proxy to false", id="a-kernel-without-it"),
        pytest.param("/etc/haechi/firewall.nft:3:1-4: Error: syntax error", "Error: syntax error", id="anything-else"),
        pytest.param(LACKS.replace("synproxy", "queue"), "No such file or directory", id="another-that-is-missing"),
    ],
)
def test_what_nft_refuses_is_told_with_place_and_mend(words: str, told: str) -> None:
    """Nothing has been changed by then, and whoever reads it knows what to write in policy."""
    said = refused(words)

    assert said.startswith("nft does not take the rules, nothing was changed: /etc/haechi/firewall.nft:")
    assert told in said
    assert ("syn_proxy" in said) == (words == LACKS)
