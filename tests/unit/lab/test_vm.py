"""A machine of the lab as a virtual machine: what can be said of it without starting one."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from haechi.lab import disk, tool, vm
from haechi.lab.podman import LabError

BOOT = disk.Boot(Path("disk.img"), Path("vmlinuz"), Path("initrd.img"))


@pytest.fixture
def machine(tmp_path: Path) -> vm.Vm:
    """Return a machine that was never made."""
    return vm.Vm(name="vm1", folder=tmp_path, address=IPv4Address("10.1.0.10"), network=IPv4Network("10.1.0.0/24"))


def test_an_emulated_machine_goes_first() -> None:
    """By its own niceness and, where the kernel shares out by session, by its session's; root alone may say so."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        vm.first(process.pid)
        grouped = Path(f"/proc/{process.pid}/autogroup")
        told = os.getpriority(os.PRIO_PROCESS, process.pid), grouped.read_text() if grouped.is_file() else "nice -10"
        process.kill()

    assert (told[0], "nice -10" in told[1]) == ((-10, True) if os.geteuid() == 0 else (0, not grouped.is_file()))


def test_a_wire_s_name_fits_an_interface(tmp_path: Path) -> None:
    """The kernel takes 15 bytes."""
    long = vm.Vm(name="a-very-long-name", folder=tmp_path, address=IPv4Address(1), network=IPv4Network("0.0.0.0/8"))

    assert long.tap == "hx-a-very-long-"


def test_the_machine_gets_the_address_that_its_network_file_matches(machine: vm.Vm) -> None:
    """The card's hardware address is the one by which networkd knows it."""
    line = " ".join(vm.arguments(machine, BOOT, vm.TCG))
    files = disk.network_files(machine.name, machine.address, machine.network, "02:00:0a:01:00:0a")

    assert "mac=02:00:0a:01:00:0a" in line
    assert "MACAddress=02:00:0a:01:00:0a" in files["/etc/systemd/network/10-lab.network"].content
    assert "Address=10.1.0.10/24" in files["/etc/systemd/network/10-lab.network"].content


def test_the_machine_s_only_way_out_is_its_wire(machine: vm.Vm) -> None:
    """QEMU's own network, which leads everywhere, is not there."""
    arguments = vm.arguments(machine, BOOT, vm.TCG)

    assert "-nodefaults" in arguments
    assert [a for a in arguments if a.startswith(("user", "tap"))] == [
        "tap,id=wire,ifname=hx-vm1,script=no,downscript=no"
    ]


def test_a_machine_that_never_ran_is_taken_down_all_the_same(machine: vm.Vm) -> None:
    """A second call finds nothing and complains of nothing."""
    vm.down(machine)
    vm.down(machine)

    assert not machine.folder.exists()


@pytest.mark.parametrize("pid", [os.getpid(), 2**22 + 1], ids=["somebody-else", "nobody"])
def test_a_number_that_qemu_had_once_is_nobody_to_end(machine: vm.Vm, pid: int) -> None:
    """Process ids come again; the command line must name our own pid file."""
    machine.pidfile.write_text(f"{pid}\n")

    assert vm.running(machine) is None


def test_an_order_is_answered(machine: vm.Vm) -> None:
    """The monitor greets, takes a line and says when it is done."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(machine.monitor))
        server.listen()

        def monitor() -> None:
            line, _ = server.accept()
            with line:
                line.sendall(b"QEMU 7.2 monitor\r\n(qemu) ")
                heard.append(line.recv(100))
                line.sendall(b"VM status: running\r\n(qemu) ")

        thread = threading.Thread(target=monitor, daemon=True)
        thread.start()
        answer = vm.order(machine, "info status")
        thread.join(5)

    assert heard == [b"info status\n"]
    assert "VM status: running" in answer


def test_a_missing_program_is_told_with_the_way_to_get_it() -> None:
    """The message names the remedy, not the symptom."""
    with pytest.raises(LabError, match="no-such-qemu is not installed: run `make setup`"):
        tool.run(["no-such-qemu"])


def test_a_program_s_own_words_are_kept() -> None:
    """What it said on its standard error is what a person needs."""
    with pytest.raises(LabError, match="sh: no room"):
        tool.run(["sh", "-c", "echo no room >&2; exit 3"])


@pytest.mark.exhaustive
def test_a_program_that_hangs_is_ended() -> None:
    """Nothing of the lab waits without an end."""
    with pytest.raises(LabError, match="no answer in 1 s"):
        tool.run(["sleep", "30"], timeout=1)
