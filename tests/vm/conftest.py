"""One virtual machine for all tests here: made, hardened by the product's own playbooks, and booted twice."""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from haechi.lab import site, vm

from . import peer, power
from .machine import INVENTORY, NAME, Boot, Machine

MACHINE = pytest.StashKey[Machine]()


@dataclass(frozen=True)
class Hardened:
    """The machine, and what the playbooks that hardened it said."""

    machine: Machine
    bootstrap: subprocess.CompletedProcess[str]
    site: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def bare(pytestconfig: pytest.Config) -> Iterator[Machine]:
    """Make the machine, and take away all of it in the end."""
    policy = site.read_policy(INVENTORY)
    machine = Machine(vm.machine(INVENTORY, policy, NAME))
    pytestconfig.stash[MACHINE] = machine
    try:
        vm.up(INVENTORY, NAME, print)
        # It came with the image, since no way leads out; Debian's own must not run before the role brings ours.
        machine.ssh("systemctl", "mask", "--now", "suricata.service", options=("-l", "root"))
        with peer.standing(machine.vm.tap):
            yield machine
    finally:
        vm.remove(INVENTORY, machine.vm)


@pytest.fixture(scope="session")
def hardened(bare: Machine) -> Hardened:
    """Let the automation in and make the machine what policy says, as an operator does."""
    bootstrap = bare.playbook("bootstrap")
    assert bootstrap.returncode == 0, bootstrap.stdout[-3000:] + bootstrap.stderr[-3000:]
    first = bare.playbook("site")
    assert first.returncode == 0, first.stdout[-3000:] + first.stderr[-3000:]
    return Hardened(bare, bootstrap, first)


@pytest.fixture(scope="session")
def machine(hardened: Hardened) -> Machine:
    """Return the hardened machine."""
    return hardened.machine


@pytest.fixture(scope="session")
def rebooted(machine: Machine) -> Boot:
    """Start the machine anew, as an administrator does."""
    before = machine.facts()
    machine.ssh("sudo", "-n", "systemctl", "reboot")
    return machine.booted_again(before)


@pytest.fixture(scope="session")
def power_cut(machine: Machine, rebooted: Boot, tmp_path_factory: pytest.TempPathFactory) -> power.Cut:
    """Cut the machine's power in the middle of a guarded change that a proof without an end keeps open."""
    return power.cut(machine, rebooted.after, tmp_path_factory.mktemp("controller"))


@pytest.fixture(scope="session")
def verdicts(machine: Machine, power_cut: power.Cut) -> tuple[int, dict[str, dict[str, str]]]:
    """Audit the machine once it has been through everything."""
    assert power_cut.boot.after["boot_id"]
    return machine.audit()


@pytest.fixture(params=["rebooted", "power_cut"])
def boot(request: pytest.FixtureRequest) -> Boot:
    """Return each of the two boots: the orderly one, and the one after the power cut."""
    found = request.getfixturevalue(request.param)
    return found.boot if isinstance(found, power.Cut) else found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the machine said last on its console: nobody can look at it afterwards."""
    report = yield
    machine = item.config.stash.get(MACHINE, None)
    if machine is not None and report.failed and Path(__file__).parent in item.path.parents:
        report.sections.append((f"console of {NAME}", machine.tail()))
    return report
