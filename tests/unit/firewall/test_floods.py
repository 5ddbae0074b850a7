"""Limits by source: where they stand, whom they are for, and whom they never touch."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import HOSTS, ZONES, chain, policy, text
from .test_golden import NFT

LIMITS: dict[str, Any] = {
    "opened_per_second": 80,
    "completed_per_second": 20,
    "held": 60,
    "datagrams_per_second": 90,
    "block_minutes": 3,
}
FOUR = "meta nfproto ipv4"
FIRST, SENT = "tcp flags & (fin | syn | rst | ack) == syn", "meta l4proto { udp, icmp } ct state new"
COMPLETED = "tcp flags & (syn | rst | ack) == ack ct state established ct direction original ct mark & 0x40000000 == 0"
EXPOSED = {
    **ZONES,
    "outside": {**ZONES["outside"], "exposure": "outside"},
    "dmz": {**ZONES["dmz"], "exposure": "dmz"},
}
SIX = {**EXPOSED, "mgmt": {**ZONES["mgmt"], "cidr6": "fd00:4::/64"}, "dmz": {**EXPOSED["dmz"], "cidr6": "fd00:1::/64"}}


def limited(host: str, **changes: Any) -> str:
    changes = {"zones": EXPOSED, "perimeter": {"floods": LIMITS}} | changes
    return text(policy(**changes), host)


def test_a_gateway_counts_what_each_source_outside_does() -> None:
    """Before any flow: what is begun, completed, held and sent."""
    made = limited("gw")

    assert chain(made, "flooders") == ["ip saddr @flooder4 counter drop"]
    assert chain(made, "floods") == [
        "iif lo return",
        "ip saddr { 10.9.1.0/24, 10.9.4.0/24 } return",
        f"{FOUR} {FIRST} add @opened4 {{ ip saddr limit rate over 80/second burst 80 packets }} counter drop",
        f"{FOUR} {FIRST} add @held4 {{ ip saddr ct count over 60 }} counter drop",
        f"{FOUR} {SENT} add @datagrams4 {{ ip saddr limit rate over 90/second burst 90 packets }} counter drop",
        f"{FOUR} {COMPLETED} ct mark set ct mark | 0x40000000 jump completions4",
    ]


def test_only_a_source_that_completes_handshakes_is_shut_out() -> None:
    """A forged SYN or datagram is dropped, and the one whose address it bears comes in all the same."""
    made = limited("gw")

    assert chain(made, "completions4")[-1] == "ip saddr @flooder4 counter drop"
    shut = [line for line in made.splitlines() if "update @flooder4" in line]
    assert len(shut) == 1
    assert "add @completed4 { ip saddr limit rate over 20/second burst 20 packets }" in shut[0]
    assert "update @flooder4 { ip saddr timeout 3m }" in shut[0]


@pytest.mark.parametrize("host", ["gw", "web"])
def test_nft_takes_the_limits(host: str, tmp_path: Path) -> None:
    """Over IPv6 too."""
    file = tmp_path / "made.nft"
    file.write_text(limited(host, zones=SIX))

    done = subprocess.run([*NFT, "-c", "-f", str(file)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "ip6 saddr { fd00:1::/64, fd00:4::/64 } return" in file.read_text()


def test_a_network_of_ipv6_is_one_source() -> None:
    """A stranger has 2^64 addresses and takes a new one for each connection."""
    assert "add @held6 { ip6 saddr & ffff:ffff:ffff:ffff:: ct count over 60 }" in limited("gw", zones=SIX)


@pytest.mark.parametrize("host", ["ops", "app"])
def test_a_host_behind_has_no_limits(host: str) -> None:
    """What reaches it has passed a gateway."""
    zones = {**EXPOSED, "app": {"title": "Application", "cidr": "10.9.2.0/24"}}
    hosts = {**HOSTS, "app": {"zone": "app", "address": "10.9.2.11"}}

    assert "flood" not in limited(host, zones=zones, hosts=hosts)


def test_without_a_word_in_policy_nothing_is_limited() -> None:
    assert "flood" not in limited("gw", perimeter={})


def test_the_control_node_outside_all_zones_is_never_limited() -> None:
    assert "10.200.0.7/32 } return" in limited("gw", site={"control_node": "10.200.0.7"})


def test_the_vpn_is_never_limited() -> None:
    job = {"pool": "10.8.0.64/26", "routes": ["mgmt"]}
    people = {"host": "gw", "zone": "outside", "network": "10.8.0.0/22", "jobs": {"operator": job}}
    made = limited("gw", vpn=people, pki={"host": "ops"})

    assert "10.8.0.0/22" in next(line for line in chain(made, "floods") if line.startswith("ip saddr {"))
