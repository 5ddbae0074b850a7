"""Guessing is slowed down, and automation is not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from testinfra.host import Host

Ssh = Callable[..., subprocess.CompletedProcess[str]]

# Addresses of the loopback net: strangers to policy, and no firewall is on the way.
GUESSER, HOLDER, OTHER = "127.0.0.2", "127.0.0.3", "127.0.0.4"
# Any key that nobody enrolled will do, and every host has one.
STRANGE = "-i /etc/ssh/ssh_host_ed25519_key"
UNPINNED = "-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=/dev/null"
GUESS = f"ssh -b {GUESSER} -o BatchMode=yes {STRANGE} {UNPINNED} nobody@127.0.0.1 2>&1 || true"
OPEN = """\
import socket, time
count, held = 0, []
for _ in range({tries}):
    connection = socket.create_connection(("127.0.0.1", 22), 5, source_address=("{source}", 0))
    connection.settimeout(5)
    try:
        count += connection.recv(7) == b"SSH-2.0"
    except OSError:
        pass
    held.append(connection)
print(count)
time.sleep({seconds})
"""


def answered(host: Host, tries: int) -> int:
    """Return how many of so many silent connections at once get a greeting."""
    return int(host.check_output("python3 -c %s", OPEN.format(tries=tries, source=HOLDER, seconds=0)))


def test_one_source_holds_only_so_many_doors_open(host: Host, name: str) -> None:
    """Ten silent connections on an ordinary host; where everybody passes, a whole run of forks."""
    assert answered(host, 70) == {"bookworm": 10, "trixie": 64}[name]


def test_others_get_in_meanwhile(host: Host, ssh: Ssh, name: str) -> None:
    """What one source holds is not taken from the others."""
    hold = OPEN.format(tries=9, source=OTHER, seconds=20)
    host.run_expect([0], "systemd-run --collect --unit hold python3 -c %s", hold)
    try:
        assert ssh(name, "ann", "true").returncode == 0
    finally:
        host.run("systemctl stop hold")


@pytest.mark.parametrize("machine", ["trixie"])
def test_a_source_that_fails_again_and_again_waits(over_ssh: Callable[[str], Host], ssh: Ssh, machine: str) -> None:
    """OpenSSH 9.8 and later keep a guesser out for a while; the control node still logs in."""
    host = over_ssh(machine)
    tries = [host.check_output(GUESS) for _ in range(10)]

    assert "Permission denied" in tries[0]
    assert "Permission denied" not in tries[-1]
    assert "drop connection" in host.check_output("journalctl --sync && journalctl --unit ssh --since -2min")
    for _ in range(10):
        assert ssh(machine, "root", "true").returncode == 255
    assert ssh(machine, "ann", "true").returncode == 0
