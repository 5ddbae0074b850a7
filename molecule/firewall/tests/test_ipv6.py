"""IPv6 by packets: no address but a neighbour's, and with `ipv6: off` not even that."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

Opens = Callable[[str, str, int], bool]
Inside = Callable[..., subprocess.CompletedProcess[str]]
WithPolicy = Callable[[str, Callable[[Path], None]], AbstractContextManager[None]]


def seen_from(run_in: Inside, name: str) -> tuple[str, list[str]]:
    """Probe bookworm as a neighbour (RFC 4861) from another machine; return its address and what became of it."""
    link = json.loads(run_in("bookworm", "ip", "-j", "-6", "addr", "show", "dev", "eth0", "scope", "link").stdout)
    address, hardware = link[0]["addr_info"][0]["local"], run_in("bookworm", "cat", "/sys/class/net/eth0/address")
    probe = ["ip", "-6", "neigh", "replace", address, "lladdr", hardware.stdout.strip(), "dev", "eth0", "nud", "probe"]
    run_in(name, *probe)
    # Three probes a second apart (RFC 4861 section 10), then the neighbour is given up.
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        seen = json.loads(run_in(name, "ip", "-j", "-6", "neigh", "show", address, "dev", "eth0").stdout or "[]")
        states = [state for neighbour in seen for state in neighbour["state"]]
        if states != ["PROBE"]:
            break
        time.sleep(0.3)
    return address, states


@pytest.fixture(scope="module")
def off(with_policy: WithPolicy) -> Iterator[None]:
    """Give bookworm the same policy, but `ipv6: off`; afterwards its own again."""

    def change(policy: Path) -> None:
        site = policy / "site.yml"
        site.write_text(site.read_text().replace("ipv6: drop", 'ipv6: "off"'))

    with with_policy("bookworm", change):
        yield


def test_ipv6_finds_its_neighbours_and_nothing_more(run_in: Inside, opens: Opens, stranger: str) -> None:
    """A neighbour that is probed answers, a connection over IPv6 does not."""
    address, state = seen_from(run_in, stranger)

    assert state == ["REACHABLE"]
    assert not opens(stranger, f"{address}%eth0", 22)
    assert opens("bookworm", "::1", 22)


@pytest.mark.usefixtures("off")
def test_ipv6_off_does_not_even_find_neighbours(run_in: Inside, opens: Opens, stranger: str) -> None:
    """Nothing of IPv6 leaves or enters but on loopback; IPv4 is as it was."""
    address, state = seen_from(run_in, stranger)

    assert state in (["FAILED"], [])
    assert not opens(stranger, f"{address}%eth0", 22)
    assert run_in("bookworm", "ping", "-6", "-c", "1", "-W", "1", "ff02::1%eth0").returncode != 0
    assert opens("bookworm", "::1", 22)
    assert opens("trixie", "10.78.40.12", 22)
