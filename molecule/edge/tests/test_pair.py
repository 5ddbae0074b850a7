"""One address on two hosts: whoever holds it may stop, be cut off or go blind, and the other answers."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from siege import Figure, Row, record

from .conftest import EDGE, run_in

FLOODED, CALM = "10.78.0.20", "10.78.0.19"
PAIR = {"trixie", "bookworm"}


@contextmanager
def stopped(name: str) -> Iterator[None]:
    """Have its services stand as dead, all at once and without a word; nothing else of it is touched."""
    everyone = ("haproxy.service", "nginx.service", "keepalived.service")
    run_in(name, "systemctl", "kill", "--signal=STOP", *everyone)
    # What is frozen still holds the address; a host that is gone does not.
    run_in(name, "ip", "address", "delete", f"{EDGE}/24", "dev", "eth0")
    try:
        yield
    finally:
        run_in(name, "systemctl", "kill", "--signal=CONT", *everyone)
        run_in(name, "systemctl", "restart", "keepalived.service")


def test_only_one_of_the_two_has_the_address(holder):
    assert holder() in PAIR


def test_the_other_answers_when_the_holder_is_gone_under_load_and_forgives_nobody(outside, holder, capsys):
    """A source above its limit is above it on the other too; another source's gap is told, and judged in the bench."""
    first = holder()
    other = (PAIR - {first}).pop()
    load = outside.begins("load", path="/verify", seconds=60, source=CALM)
    time.sleep(1)
    seen = outside.does("flood", times=900, source=FLOODED)
    with stopped(first):
        gone = time.time()
        told = outside.ask("/verify", source=CALM, timeout=1)
        while told["status"] != 200 and time.time() - gone < 60:
            told = outside.ask("/verify", source=CALM, timeout=1)
        after = outside.ask("/verify", source=FLOODED)["status"]
        has = run_in(other, "ip", "-4", "address").stdout
        time.sleep(1)
    output, _ = load.communicate(timeout=30)

    rows = [row for row in json.loads(output) if row[1] == 200]
    gap = max(later - earlier for (earlier, _), (later, _) in pairwise(rows))
    with capsys.disabled():
        sys.stdout.write(f"\nfail-over from {first} under load: {gap:.2f} s without service\n")
    record(Figure("the edge without service when its holder stops under load", round(gap, 2), "s"))
    assert EDGE in has
    assert ("429" in seen, after) == (True, 429)
    assert (told["status"], rows[-1][0] > gone) == (200, True)


@pytest.mark.parametrize("unit", ["haproxy.service", "nginx.service"])
def test_the_address_leaves_a_host_that_cannot_answer(outside, holder, unit):
    """Without the WAF nothing may pass, so an edge that has lost it is none."""
    first = holder()
    run_in(first, "systemctl", "stop", unit)
    try:
        until = time.time() + 60
        while EDGE in run_in(first, "ip", "-4", "address").stdout and time.time() < until:
            time.sleep(0.2)
        assert EDGE not in run_in(first, "ip", "-4", "address").stdout
        other = holder()
        answer = outside.ask("/verify", source=CALM)["status"]
    finally:
        run_in(first, "systemctl", "start", unit)
    assert (answer, {first, other}) == (200, PAIR)


def test_a_holder_that_answers_late_keeps_the_address(holder):
    """A flood that keeps both busy must not take the address from both: late is not dead."""
    first, since = holder(), f"@{time.time():.0f}"
    run_in(first, "systemctl", "kill", "--signal=STOP", "haproxy.service")
    time.sleep(5)
    run_in(first, "systemctl", "kill", "--signal=CONT", "haproxy.service")
    time.sleep(2)
    run_in(first, "journalctl", "--sync")
    said = run_in(first, "journalctl", "--unit=keepalived.service", "--output=cat", f"--since={since}").stdout
    assert "FAULT" not in said
    assert holder() == first


def test_a_stranger_s_vrrp_moves_nothing(holder):
    """Protocol 112 passes between the two alone: by policy nobody else's reaches them."""
    for name in PAIR:
        rules = run_in(name, "nft", "list", "chain", "inet", "haechi", "input").stdout
        lines = [line for line in rules.splitlines() if "edge-vrrp" in line]
        assert len(lines) == 1
        assert "10.78.40.11" in lines[0]
    before = holder()
    argv = ["python3", "-c", FORGED, "10.78.40.11", "10.78.40.12"]
    assert run_in("gw", *argv).returncode == 0
    time.sleep(1)
    after = holder()
    record(Row("forged VRRP", after == before, "the holder of the address"))
    assert after == before


# VRRP version 3 with the highest priority there is, for the address of the pair (RFC 9568, section 5).
FORGED = f"""
import socket, struct, sys
body = struct.pack("!BBBBHH", 0x31, 51, 255, 1, 50, 0) + socket.inet_aton({EDGE!r})
total = sum(struct.unpack(f"!{{len(body) // 2}}H", body))
line = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
line.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
for target in sys.argv[1:]:
    for _ in range(5):
        try:
            line.sendto(body, (target, 0))
        except PermissionError:
            pass
"""
