"""A host that was off while somebody left hears of it before sshd answers; one that hears nothing starts."""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
from collections.abc import Callable

import pytest

from .conftest import SERVED, Machine


def boots(machine: Machine, while_off: Callable[[], None] = lambda: None) -> list[str]:
    """Stop the machine and start it again; log in as Bob from the first moment on and return all that he was told."""
    name = f"haechi-molecule-{machine.name}"
    assert machine.podman("stop", "-t", "20", name).returncode == 0
    while_off()
    assert machine.podman("start", name).returncode == 0
    heard: list[str] = []
    until = time.monotonic() + 60
    while time.monotonic() < until:
        done = machine.login("bob")
        heard.append(done.stdout.strip() or done.stderr.strip().splitlines()[-1])
        if done.returncode == 0 or "Permission denied" in heard[-1] or "Connection closed by" in heard[-1]:
            break
        time.sleep(0.1)
    return heard


@pytest.fixture
def at_boot(machine: Machine) -> Machine:
    """Return a machine whose server starts with it."""
    machine.serve(machine.signed())
    assert machine.fetch() == 0
    machine.sh("systemctl enable -q test-served")
    assert machine.gets_in("bob") is True
    return machine


def test_who_left_meanwhile_never_gets_in(at_boot: Machine) -> None:
    """Bob tries from the first moment on: what he hears first of sshd is that he is refused."""

    def leave() -> None:
        data = at_boot.signed("bob")
        subprocess.run(
            ["podman", "cp", "-", f"haechi-molecule-{at_boot.name}:/root"], input=tar(data), check=True, timeout=60
        )

    heard = boots(at_boot, leave)

    assert "bob" not in heard
    assert "Permission denied" in heard[-1], heard
    assert at_boot.gets_in("ann") is True
    assert ended_before_sshd(at_boot)


def test_a_host_that_hears_nothing_starts_all_the_same(at_boot: Machine) -> None:
    """The server is away: sshd waits no longer than 15 s, the list that is held counts, and an alarm stands."""
    at_boot.sh(f"systemctl disable -q test-served; rm {SERVED}")
    heard = boots(at_boot)

    assert heard[-1] == "bob", heard
    assert ended_before_sshd(at_boot)
    assert at_boot.sh("systemctl show --property TimeoutStartUSec --value haechi-list-boot.service").strip() == "15s"
    assert "Connection refused" in at_boot.alarms()["list"]


def ended_before_sshd(machine: Machine) -> bool:
    """Return whether the program had ended when sshd began to start."""
    ended, began = times(machine)
    return ended <= began


def times(machine: Machine) -> tuple[float, float]:
    """Return when the program ended at boot, and when sshd began, in seconds."""
    asked = [("haechi-list-boot", "InactiveEnter"), ("ssh", "InactiveExit")]
    said = [
        int(machine.sh(f"systemctl show --property {what}TimestampMonotonic --value {unit}.service"))
        for unit, what in asked
    ]
    assert all(said), said
    return said[0] / 1e6, said[1] / 1e6


def tar(data: bytes) -> bytes:
    """Return an archive that holds what the server is to send."""
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w") as archive:
        entry = tarfile.TarInfo("served")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return kept.getvalue()
