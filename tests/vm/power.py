"""A power cut in the middle of a guarded change: the controller that makes it, and what is seen of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from haechi.lab import vm

from .machine import NAME, ROOT, Boot, Facts, Machine, ansible, environment

STATE = "/var/lib/haechi/guard"
FILE = "/etc/haechi/firewall.nft"
TABLES = ["inet haechi", "inet haechi_block"]
HANG = "hang"
# A hole of the change's own: seen in force while it is armed, and never again.
OPENED = 9999
HOLE = f"\ntable inet haechi {{ chain input {{ tcp dport {OPENED} accept; }}; }}\n"
# The host's own clock would put the old state back by itself: the boot has to be first.
SECONDS = 200


@dataclass(frozen=True)
class Cut:
    """What the change had done when the power went, and the boot after it."""

    file_before: str
    file_armed: str
    live_armed: str
    file_after: str
    journal: str
    order: dict[str, int]
    boot: Boot


def cut(machine: Machine, before: Facts, folder: Path) -> Cut:
    """Arm a change of the firewall whose proof never ends, cut the power, wait for the boot."""
    file = machine.root(f"cat {FILE}")
    process = _start(replace(machine, config=_config(machine, folder)), file + HOLE)
    try:
        machine.wait(f"test -e {STATE}/pending && grep -q {OPENED} {FILE} && nft list ruleset | grep -q {OPENED}", 90)
        armed, live = machine.root(f"cat {FILE}"), machine.root("nft --stateless list ruleset")
        machine.root(f"test -e {STATE}/pending")
        vm.order(machine.vm, "system_reset")
    finally:
        _kill(process)
    boot = machine.booted_again(before)
    return Cut(
        file_before=file,
        file_armed=armed,
        live_armed=live,
        file_after=machine.root(f"cat {FILE}"),
        journal=machine.root("journalctl --boot --no-pager --output cat --unit haechi-guard-rollback.service"),
        order=_order(machine),
        boot=boot,
    )


def _config(machine: Machine, folder: Path) -> Path:
    """Return a configuration that knows one host more: one that never answers."""
    config = folder / "ssh_config"
    config.write_text(f"Host {HANG}\n  ProxyCommand sleep 120\n\n{machine.config.read_text()}")
    return config


def _start(machine: Machine, content: str) -> subprocess.Popen[bytes]:
    variables = {
        "target": NAME,
        "subsystem": "nftables",
        "files": [{"path": FILE, "content": content, "mode": "0640"}],
        "options": {"load": FILE, "tables": TABLES},
        "through": [HANG],
        "seconds": SECONDS,
        "ansible_ssh_common_args": f"-F {machine.config}",
    }
    argv = [*ansible(), "-e", json.dumps(variables), str(ROOT / "molecule/stories/change.yml")]
    nothing = subprocess.DEVNULL
    return subprocess.Popen(argv, cwd=ROOT, env=environment(), stdin=nothing, stdout=nothing, stderr=nothing)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a controller and all that it started; Ansible's workers are sessions of their own."""
    for pid in [*_below(process.pid), process.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _below(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    direct = [int(child) for child in children.read_text().split()] if children.exists() else []
    return [*direct, *(below for child in direct for below in _below(child))]


def _order(machine: Machine) -> dict[str, int]:
    """Return when each unit of the boot began and ended its work, in microseconds."""
    units = ("haechi-guard-rollback", "haechi-firewall", "systemd-networkd", "ssh")
    asked = "systemctl show --value --property"
    script = "\n".join(
        f"echo {unit}-{name} $({asked} {stamp} {unit}.service)"
        for unit in units
        for name, stamp in (("began", "ExecMainStartTimestampMonotonic"), ("ended", "ExecMainExitTimestampMonotonic"))
    )
    return {name: int(stamp) for name, stamp in (line.split() for line in machine.root(script).splitlines())}
