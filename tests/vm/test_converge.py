"""The product's own playbooks on a machine that is bare."""

from __future__ import annotations

import re

import yaml

from .conftest import Hardened
from .expected import SYSCTL
from .machine import ROOT

RECAP = re.compile(r"vm1\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)")


def recap(words: str) -> tuple[int, ...]:
    found = RECAP.search(words)
    assert found, words[-3000:]
    return tuple(int(number) for number in found.groups())


def test_a_bare_machine_is_bootstrapped_and_hardened(hardened: Hardened) -> None:
    """The automation gets in by bootstrap alone, and all five roles that policy has here have something to do."""
    _, changed, *bad = recap(hardened.bootstrap.stdout)
    assert (changed, bad) == (1, [0, 0])

    tasks = set(
        re.findall(
            r"TASK \[haechi\.guard\.(\w+) : .*\] \**\n(?:\[WARNING\].*\n)*changed: \[vm1\]", hardened.site.stdout
        )
    )
    assert tasks == {"baseline", "accounts", "mfa", "sshd", "firewall"}
    assert recap(hardened.site.stdout)[2:] == (0, 0)


def test_nothing_is_left_to_a_virtual_machine_on_one(hardened: Hardened) -> None:
    """What roles report as not real in a container is real here."""
    assert "not real here" not in hardened.site.stdout + hardened.site.stderr


def test_a_second_run_changes_nothing(hardened: Hardened) -> None:
    """Packages come with the image and no way leads out: a package missing from it would fail here."""
    second = hardened.machine.playbook("site")

    ok, *rest = recap(second.stdout)
    assert (ok > 0, rest) == (True, [0, 0, 0]), second.stdout[-3000:]


def test_every_value_of_the_role_is_expected_here() -> None:
    """A value that the role gains is judged on a running kernel from its first day."""
    role = yaml.safe_load((ROOT / "roles/baseline/vars/main.yml").read_text())["__baseline_sysctl"]
    wanted = {key.replace("*", "eth0").replace(".", "/"): value for key, value in role.items()}

    assert {key: value for key, value in SYSCTL.items() if key != "net/ipv4/ip_forward"} == wanted
