"""Our units' sandboxes, which a container silently leaves out, are real on a machine with a kernel of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .machine import Machine

OURS = "/etc/systemd/system/haechi-firewall.service"
PROBE = "hx-sandbox.service"
PLACED = "/etc/hx-sandbox"
CAP_NET_ADMIN = 1 << 12


@pytest.fixture(scope="module", autouse=True)
def _clean(machine: Machine) -> Iterator[None]:
    """Leave no unit and no file behind."""
    yield
    machine.root(f"rm -f /run/systemd/system/{PROBE} {PLACED}; systemctl daemon-reload")


def run_as(machine: Machine, unit: str, command: str, *, without: str = "^$") -> list[str]:
    """Start a unit as one of ours but for what it runs and for some of its lines; return its result and its words."""
    once = f"s#^ExecStart=.*#ExecStart={command}#; s#^Type=.*#Type=oneshot#"
    said = machine.root(
        f"grep -Ev '{without}' {unit} | sed '{once}' > /run/systemd/system/{PROBE}\n"
        f"systemctl daemon-reload\n"
        f"systemctl start {PROBE} || true\n"
        f"systemctl show --property Result --value {PROBE}\n"
        f"journalctl --boot --no-pager --output cat _SYSTEMD_INVOCATION_ID=$("
        f"systemctl show --property InvocationID --value {PROBE})\n"
        f"systemctl stop {PROBE}\n"
        f"systemctl reset-failed {PROBE} 2>/dev/null || true"
    )
    return said.splitlines()


def is_there(machine: Machine) -> bool:
    """Return whether the unit could write below /etc."""
    return machine.root(f"ls /etc | grep -cx {PLACED.removeprefix('/etc/')} || true").strip() == "1"


def test_the_firewall_s_unit_cannot_write_the_system(machine: Machine) -> None:
    """A hole in nft's parser does not become a file below /etc; without that line it would."""
    refused, *words = run_as(machine, OURS, f"/usr/bin/touch {PLACED}")
    assert (refused, is_there(machine)) == ("exit-code", False)
    assert [line for line in words if line.endswith("Read-only file system")]

    allowed, *_ = run_as(machine, OURS, f"/usr/bin/touch {PLACED}", without="^ProtectSystem=")
    assert (allowed, is_there(machine)) == ("success", True)


def test_the_firewall_s_unit_holds_one_capability(machine: Machine) -> None:
    """Root without the rest of root's rights, and no way to new ones."""
    result, *words = run_as(machine, OURS, "/usr/bin/grep -E ^(CapBnd|CapEff|NoNewPrivs): /proc/self/status")
    seen = dict(line.split(":") for line in words)

    assert result == "success"
    assert {key: int(value, 16) for key, value in seen.items()} == {
        "CapBnd": CAP_NET_ADMIN,
        "CapEff": CAP_NET_ADMIN,
        "NoNewPrivs": 1,
    }


def test_the_firewall_s_unit_still_loads_the_rules(machine: Machine) -> None:
    """Started by itself, with every line in force."""
    machine.root("nft delete table inet haechi_block; systemctl restart haechi-firewall.service")

    assert "inet haechi_block" in machine.root("nft list tables")
    assert machine.root("systemctl show --property Result --value haechi-firewall.service").strip() == "success"
