"""What passes and what does not, by packets."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

Attempt = tuple[str, str, int]
Opens = Callable[[str, str, int], bool]
Inside = Callable[..., subprocess.CompletedProcess[str]]
Playbook = Callable[..., tuple[int, str]]

TRIXIE, BOOKWORM, GW, DATA1 = "10.78.40.11", "10.78.40.12", "10.78.40.2", "10.78.30.11"
ALLOWED = [
    ("trixie", BOOKWORM, 22),
    ("trixie", GW, 22),
    ("trixie", DATA1, 22),
    ("client", "10.78.0.2", 2222),
]
FORBIDDEN = [
    ("bookworm", TRIXIE, 22),
    ("bookworm", DATA1, 22),
    ("data1", TRIXIE, 22),
    ("data1", GW, 22),
    ("client", TRIXIE, 22),
    ("client", DATA1, 22),
    ("client", "10.78.0.2", 22),
    ("trixie", "10.78.0.11", 22),
    ("data1", "10.78.0.11", 80),
]


@pytest.fixture(scope="module")
def answered(opens: Opens) -> set[Attempt]:
    """Make every attempt at once, since a dropped one is only waited for; return those that were answered."""
    tried = [*ALLOWED, *FORBIDDEN]
    with ThreadPoolExecutor(len(tried)) as pool:
        heard = pool.map(lambda attempt: opens(*attempt), tried)
        return {attempt for attempt, answer in zip(tried, heard, strict=True) if answer}


@pytest.mark.parametrize("attempt", ALLOWED)
def test_a_declared_flow_passes(answered: set[Attempt], attempt: Attempt) -> None:
    """Also through the gateway, and by the port that it publishes."""
    assert attempt in answered


@pytest.mark.parametrize("attempt", FORBIDDEN)
def test_what_no_flow_declares_is_dropped(answered: set[Attempt], attempt: Attempt) -> None:
    """In, out and through; the targets answer others, as the test above shows."""
    assert attempt not in answered


@pytest.mark.parametrize("name", ["trixie", "bookworm", "gw", "data1"])
def test_everything_else_is_dropped_by_default(run_in: Inside, name: str) -> None:
    """The policy of the three hooks is what the kernel says, not what a file says."""
    listed = json.loads(run_in(name, "nft", "-j", "list", "table", "inet", "haechi").stdout)["nftables"]
    chains = {item["chain"]["name"]: item["chain"] for item in listed if "chain" in item}

    assert {hook: chains[hook]["policy"] for hook in ("input", "output", "forward")} == {
        "input": "drop",
        "output": "drop",
        "forward": "drop",
    }


def test_packages_leave_by_the_gateway(run_in: Inside) -> None:
    """The one flow to the internet is masqueraded; its counter on the gateway grows."""
    before = run_in("gw", "nft", "-j", "list", "counter", "inet", "haechi", "flow-packages").stdout
    run_in("bookworm", "python3", "-c", "import socket; socket.create_connection(('deb.debian.org', 80), 5)")
    after = run_in("gw", "nft", "-j", "list", "counter", "inet", "haechi", "flow-packages").stdout

    def packets(text: str) -> int:
        return next(item["counter"]["packets"] for item in json.loads(text)["nftables"] if "counter" in item)

    assert packets(after) > packets(before)


def test_counters_are_harvested_before_a_swap(run_in: Inside, playbook: Playbook) -> None:
    """What was counted is not lost with the table that counted it."""
    run_in("bookworm", "nft", "add", "rule", "inet", "haechi", "output", "ip", "daddr", "192.0.2.9", "drop")

    code, words = playbook("converge.yml", "--limit", "bookworm")

    assert code == 0, words[-2000:]
    last = json.loads(run_in("bookworm", "tail", "-n", "1", "/var/lib/haechi/firewall/counters.jsonl").stdout)
    assert last["counters"]["flow-bastion-to-fleet"][0] > 0
    assert "192.0.2.9" not in run_in("bookworm", "nft", "list", "table", "inet", "haechi").stdout


def test_a_block_ends_by_itself(playbook: Playbook, opens: Opens, opens_in_time: Opens) -> None:
    """A blocked source is refused though a flow allows it, until its time is over."""
    assert opens("client", "10.78.0.2", 2222)

    code, words = playbook("block.yml", "-e", "address=10.78.0.11", "-e", "seconds=12")

    assert code == 0, words[-2000:]
    assert not opens("client", "10.78.0.2", 2222)
    assert opens_in_time("client", "10.78.0.2", 2222)


@pytest.mark.parametrize("address", ["10.78.40.1", "10.78.40.0/25", "10.0.0.0/8"])
def test_a_management_address_is_never_blocked(playbook: Playbook, address: str) -> None:
    """A typing error in a block must not shut the operators out."""
    code, words = playbook("block.yml", "-e", f"address={address}", "-e", "seconds=60")

    assert code != 0
    assert f"{address} is never blocked: it overlaps the management network 10.78.40.0/24" in words


def test_the_table_itself_passes_management_over(run_in: Inside, opens: Opens) -> None:
    """Even an element that got into the set by hand does not shut the bastion out."""
    run_in("bookworm", "nft", "add", "element", "inet", "haechi_block", "block4", "{ 10.78.40.11 timeout 30s }")
    try:
        assert opens("trixie", BOOKWORM, 22)
    finally:
        run_in("bookworm", "nft", "delete", "element", "inet", "haechi_block", "block4", "{ 10.78.40.11 }")


def test_a_listener_that_policy_does_not_know_is_named(run_in: Inside, playbook: Playbook) -> None:
    """An open port is a finding, by port and process."""
    run_in("bookworm", "systemd-run", "--unit=stray", "python3", "-m", "http.server", "8099")
    try:
        code, words = playbook("converge.yml", "--limit", "bookworm")
    finally:
        run_in("bookworm", "systemctl", "stop", "stray")

    assert code == 0, words[-2000:]
    assert "python3 listens on tcp/8099, which policy does not declare" in words


def test_the_rules_come_back_with_the_machine(run_in: Inside, opens: Opens, opens_in_time: Opens) -> None:
    """The unit loads them before the network; nothing else does."""
    subprocess.run(["podman", "restart", "--time", "0", "haechi-molecule-data1"], check=True, capture_output=True)
    run_in("data1", "systemctl", "is-system-running", "--wait")

    assert opens_in_time("trixie", DATA1, 22)
    assert not opens("data1", GW, 22)
    assert run_in("data1", "nft", "list", "chain", "inet", "haechi", "input").stdout.count("policy drop") == 1
