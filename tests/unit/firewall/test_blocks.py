"""What may be blocked for a time, and what is blocked now."""

from __future__ import annotations

import json
import re
from ipaddress import ip_network

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.firewall.blocks import blockable, elements, set_of

NEVER = ["10.9.4.0/24", "fd00:4::/64"]


@pytest.mark.parametrize(
    ("text", "expected", "held_in"),
    [
        ("203.0.113.7", "203.0.113.7/32", "block4"),
        ("203.0.113.0/24", "203.0.113.0/24", "block4"),
        ("10.9.5.0/24", "10.9.5.0/24", "block4"),
        ("2001:db8::7", "2001:db8::7/128", "block6"),
        ("fd00:5::/64", "fd00:5::/64", "block6"),
    ],
)
def test_a_stranger_can_be_blocked(text: str, expected: str, held_in: str) -> None:
    """An address or network outside management is taken, into the set of its IP version."""
    network = blockable(text, NEVER)
    assert (network, set_of(network)) == (ip_network(expected), held_in)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.9.4.11", "10.9.4.0/24"),
        ("10.9.4.0/24", "10.9.4.0/24"),
        ("10.9.4.128/25", "10.9.4.0/24"),
        ("10.0.0.0/8", "10.9.4.0/24"),
        ("0.0.0.0/0", "10.9.4.0/24"),
        ("fd00:4::1", "fd00:4::/64"),
        ("::/0", "fd00:4::/64"),
    ],
)
def test_management_is_refused(text: str, network: str) -> None:
    """Whatever lies in, is or holds a management network is refused by its name."""
    with pytest.raises(
        ValueError, match=f"^{re.escape(f'{text} is never blocked: it overlaps the management network {network}')}$"
    ):
        blockable(text, NEVER)


@pytest.mark.parametrize("text", ["", "internet", "10.9.5.1/24", "10.9.5.256", "10.9.5.0/33"])
def test_what_is_no_network_is_refused(text: str) -> None:
    """A typing error blocks nothing."""
    with pytest.raises(ValueError, match=r"."):
        blockable(text, NEVER)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        pytest.param(None, {}, id="empty"),
        pytest.param(
            [{"elem": {"val": "203.0.113.7", "timeout": 3600, "expires": 3599}}],
            {"203.0.113.7/32": 3599},
            id="address",
        ),
        pytest.param(
            [{"elem": {"val": {"prefix": {"addr": "198.51.100.0", "len": 24}}, "timeout": 60, "expires": 5}}],
            {"198.51.100.0/24": 5},
            id="network",
        ),
        pytest.param(["203.0.113.7"], {"203.0.113.7/32": 0}, id="for-good"),
        pytest.param([{"prefix": {"addr": "2001:db8::", "len": 32}}], {"2001:db8::/32": 0}, id="network-for-good"),
        pytest.param([{"range": ["192.0.2.1", "192.0.2.9"]}], {"192.0.2.1-192.0.2.9": 0}, id="range-by-hand"),
    ],
)
def test_blocked_networks_are_listed_with_their_time(held: list[object] | None, expected: dict[str, int]) -> None:
    """Each element of nft's listing is a network and the seconds it has left."""
    block = {"family": "inet", "name": "block4", "table": "haechi_block", "flags": ["interval", "timeout"]}
    block |= {} if held is None else {"elem": held}
    assert elements(json.dumps({"nftables": [{"metainfo": {"version": "1.0.6"}}, {"set": block}]})) == expected
