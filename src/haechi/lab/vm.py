"""A machine of the lab as a virtual machine, for what a container cannot show: a kernel of its own, and reboots."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from haechi import sshconfig
from haechi.lab import disk, images, site, tool, topology
from haechi.lab.containers import hardware
from haechi.lab.podman import LabError
from haechi.lab.seed import seeds
from haechi.policy.models import Policy

PACKAGES = ("e2fsprogs", "kmod", "linux-image-cloud-amd64", "udev")
MEMORY_MB = 1024
BOOT_SECONDS = 240
STOP_SECONDS = 10
READY = ("running", "degraded")
KVM, TCG = "kvm", "tcg,thread=multi"
# Two emulated processors were once seen to stop answering logins, so emulation gets one.
PROCESSORS = {KVM: 2, TCG: 1}
KVM_SECONDS = 5
NICE = -10
# The image is as its packages left it: rebuilding their caches at the first boot costs seconds and changes nothing.
KERNEL = "root=/dev/vda rw console=ttyS0 net.ifnames=0 panic=10 systemd.condition_needs_update=no"


@dataclass(frozen=True, kw_only=True)
class Vm:
    """One virtual machine; everything of it lies in its folder."""

    name: str
    folder: Path
    address: IPv4Address
    network: IPv4Network

    @property
    def tap(self) -> str:
        """Return the machine's end of the wire; a name of an interface holds 15 bytes."""
        return f"hx-{self.name}"[:15]

    @property
    def pidfile(self) -> Path:
        """Return where qemu writes its process id."""
        return self.folder / "qemu.pid"

    @property
    def monitor(self) -> Path:
        """Return the socket by which qemu takes orders."""
        return self.folder / "monitor"

    @property
    def console(self) -> Path:
        """Return what the machine has said on its serial line."""
        return self.folder / "console.log"


def machine(inventory: Path, policy: Policy, name: str) -> Vm:
    """Return the virtual machine of a host."""
    host = policy.hosts[name]
    folder = site.secrets_dir(inventory, policy.site.name) / "vm" / name
    return Vm(name=name, folder=folder, address=host.address, network=policy.zones[host.zone].cidr)


def arguments(vm: Vm, boot: disk.Boot, accelerator: str) -> list[str]:
    """Return qemu's command line."""
    wire = f"tap,id=wire,ifname={vm.tap},script=no,downscript=no"
    return [
        *("qemu-system-x86_64", "-accel", accelerator, "-cpu", "max"),
        *("-smp", str(PROCESSORS[accelerator]), "-m", str(MEMORY_MB), "-nodefaults", "-display", "none"),
        *("-kernel", str(boot.kernel), "-initrd", str(boot.initrd)),
        *("-append", KERNEL),
        # The machine under it does not lose power: what the guest has flushed is kept, what it has not is lost.
        *("-drive", f"file={boot.image},format=raw,if=virtio,cache=unsafe"),
        *("-netdev", wire, "-device", f"virtio-net-pci,netdev=wire,mac={hardware(vm.address)}"),
        *("-device", "virtio-rng-pci", "-serial", f"file:{vm.console}"),
        *("-monitor", f"unix:{vm.monitor},server,nowait", "-pidfile", str(vm.pidfile), "-daemonize"),
    ]


def up(inventory: Path, name: str, say: site.Say) -> Vm:
    """Make a host of the inventory anew as a virtual machine, bare, with its secrets; wait until it has booted.

    Raises ``LabError``.
    """
    policy = site.read_policy(inventory)
    vm = machine(inventory, policy, name)
    down(vm)
    site.forget(policy)
    secrets = site.prepare(inventory, policy)
    planned = next(m for m in topology.machines(policy, topology.read_lab(inventory)) if m.name == name)
    files = seeds(policy, planned, secrets, ())
    files |= disk.network_files(name, vm.address, vm.network, hardware(vm.address))
    vm.folder.mkdir(parents=True, exist_ok=True)
    tar = images.root_tar(planned.release, tuple(sorted({*planned.packages, *PACKAGES})))
    boot = disk.make(tar, files, vm.folder)
    say(f"{name}: the disk is made")
    try:
        _wire(vm)
        accelerator = _start(vm, boot)
        took = wait(inventory, vm, user="root")
    except LabError:
        down(vm)
        raise
    say(f"{name}: booted in {took:.0f} s with {accelerator}")
    return vm


def down(vm: Vm) -> None:
    """End the machine and remove its wire and its disk; one that was never started is fine."""
    _end(vm)
    if Path("/sys/class/net", vm.tap).exists():
        tool.run(["ip", "link", "delete", vm.tap])
    shutil.rmtree(vm.folder, ignore_errors=True)


def remove(inventory: Path, vm: Vm) -> None:
    """Take a machine down with all that ``up`` made: the site's secrets, its state, its files in the inventory."""
    policy = site.read_policy(inventory)
    down(vm)
    site.forget(policy)
    shutil.rmtree(site.secrets_dir(inventory, policy.site.name), ignore_errors=True)
    for path in (inventory / sshconfig.FILE_NAME, inventory / "group_vars/all/policy/keys.yml"):
        path.unlink(missing_ok=True)


def running(vm: Vm) -> int | None:
    """Return the process of the machine's qemu, and of no other process that got its number."""
    if not vm.pidfile.is_file():
        return None
    pid = int(vm.pidfile.read_text())
    command = Path(f"/proc/{pid}/cmdline")
    return pid if command.is_file() and os.fsencode(vm.pidfile) in command.read_bytes().split(b"\0") else None


def order(vm: Vm, command: str) -> str:
    """Give qemu an order, as `system_reset`, which is a power cut; return its answer (QEMU's human monitor)."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(STOP_SECONDS)
        line.connect(str(vm.monitor))
        _until_prompt(line)
        line.sendall(f"{command}\n".encode())
        return _until_prompt(line)


def wait(inventory: Path, vm: Vm, user: str | None = None, seconds: int = BOOT_SECONDS) -> float:
    """Wait until systemd has booted and answers over ssh; return after how many seconds it did.

    Raises ``LabError`` with the console's last lines when it does not.
    """
    started, said = time.monotonic(), ""
    who = ("-l", user) if user else ()
    ssh = ["ssh", "-F", str(inventory / sshconfig.FILE_NAME), "-o", "ControlPath=none", "-o", "ConnectTimeout=5", *who]
    while time.monotonic() - started < seconds and running(vm) is not None:
        asked = subprocess.run(
            [*ssh, vm.name, "systemctl", "is-system-running"],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if asked.stdout.strip() in READY:
            return time.monotonic() - started
        said = (asked.stderr or asked.stdout).strip().rpartition("\n")[2]
        time.sleep(0.5)
    tail = "\n".join(vm.console.read_text(errors="replace").splitlines()[-15:]) if vm.console.is_file() else ""
    raise LabError(f"{vm.name} did not boot within {seconds} s; ssh: {said or 'no answer'}\n{tail}")


def _start(vm: Vm, boot: disk.Boot) -> str:
    """Start qemu with KVM where it really works, else without; return which."""
    if os.access("/dev/kvm", os.R_OK | os.W_OK) and _speaks(vm, boot):
        return KVM
    tool.run(arguments(vm, boot, TCG))
    # 0 would be ourselves (setpriority(2)).
    if pid := running(vm):
        first(pid)
    return TCG


def first(pid: int) -> None:
    """Let a process go before all others, as far as we may: an emulated machine that waits lets logins time out.

    Where the kernel groups processes by session, as Debian's does, it shares out by the group's niceness, and a
    process's own counts among its like alone (sched(7), "The autogroup feature").
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
        Path(f"/proc/{pid}/autogroup").write_text(f"{NICE}\n")


def _speaks(vm: Vm, boot: disk.Boot) -> bool:
    # A machine that is virtual itself may offer a /dev/kvm that takes every call and runs no kernel.
    try:
        tool.run(arguments(vm, boot, KVM))
    except LabError:
        return False
    deadline = time.monotonic() + KVM_SECONDS
    while time.monotonic() < deadline and running(vm) is not None:
        if "Linux version" in vm.console.read_text(errors="replace"):
            return True
        time.sleep(0.2)
    _end(vm)
    return False


def _wire(vm: Vm) -> None:
    here = f"{vm.network.network_address + 1}/{vm.network.prefixlen}"
    tool.run(["ip", "tuntap", "add", "dev", vm.tap, "mode", "tap"])
    tool.run(["ip", "address", "add", here, "dev", vm.tap])
    tool.run(["ip", "link", "set", vm.tap, "up"])


def _end(vm: Vm) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while (pid := running(vm)) is not None:
        os.kill(pid, signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL)
        time.sleep(0.2)


def _until_prompt(line: socket.socket) -> str:
    said = b""
    while not said.rstrip().endswith(b"(qemu)"):
        part = line.recv(4096)
        if not part:
            break
        said += part
    return said.decode(errors="replace")
