"""A virtual machine that a test can ask, run playbooks on, start anew and cut off from its power."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi import sshconfig
from haechi.lab import vm

from . import peer
from .expected import SYSCTL

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = Path(__file__).parent / "inventory"
INSIDE = Path(__file__).with_name("inside.py")
NAME = "vm1"
# Nobody declared it, so nobody on the network may reach a program that listens there.
UNDECLARED = 8099
Facts = dict[str, Any]


@dataclass(frozen=True)
class Boot:
    """One start of the machine: what it was before and is now, and how long the start took."""

    before: Facts
    after: Facts
    seconds: float


@dataclass(frozen=True)
class Machine:
    """The machine, reached as playbooks reach it: pinned host key, automation account, sudo."""

    vm: vm.Vm
    config: Path = INVENTORY / sshconfig.FILE_NAME

    def ssh(self, *command: str, options: tuple[str, ...] = (), text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command over a new connection."""
        # Emulated, it is silent for half a minute while two Suricatas start; the timeout below is what ends a wait.
        patient = ("-o", "ControlPath=none", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=0")
        argv = ["ssh", "-F", str(self.config), *patient, *options, NAME]
        return subprocess.run([*argv, *command], input=text, capture_output=True, text=True, check=False, timeout=120)

    def root(self, script: str) -> str:
        """Run a shell script as root; return what it says.

        Raises ``AssertionError`` when it fails.
        """
        done = self.ssh("sudo", "-n", "sh", "-e", "-c", shlex.quote(script))
        assert done.returncode == 0, f"{script}: {done.stdout}{done.stderr}"
        return done.stdout

    def facts(self) -> Facts:
        """Return what the machine is, seen from inside of it, and what of it is open from here."""
        question = {"peer": peer.ADDRESS, "ports": [peer.DECLARED, peer.UNDECLARED], "sysctl": sorted(SYSCTL)}
        python = ("sudo", "-n", "python3", "-I", "-", shlex.quote(json.dumps(question)))
        asked = self.ssh(*python, text=INSIDE.read_text())
        assert asked.returncode == 0, asked.stderr
        with self.listening(UNDECLARED):
            open_here = {port: self.opens(port) for port in (22, UNDECLARED)}
        found: Facts = json.loads(asked.stdout)
        return found | {"open from here": open_here}

    def opens(self, port: int) -> bool:
        """Return whether the machine answers at a port."""
        try:
            socket.create_connection((str(self.vm.address), port), 4).close()
        except OSError:
            return False
        return True

    @contextmanager
    def listening(self, port: int) -> Iterator[None]:
        """Let a program listen on the machine, at every address; loopback shows that it does."""
        unit = f"hx-listener-{port}"
        tried = f"python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 1)' 2>/dev/null"
        self.root(
            f"systemd-run --quiet --collect --unit={unit} python3 -m http.server {port}\n"
            f"for _ in $(seq 30); do if {tried}; then exit 0; fi; sleep 0.5; done; exit 1"
        )
        try:
            yield
        finally:
            self.root(f"systemctl stop {unit}.service")

    def playbook(
        self, name: str, *arguments: str, inventory: Path = INVENTORY, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the product's playbooks on the machine."""
        argv = [*ansible(inventory), "--limit", NAME, f"playbooks/{name}.yml", *arguments]
        return subprocess.run(
            argv, cwd=ROOT, env=environment(**env), capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=400,
        )  # fmt: skip

    def audit(self) -> tuple[int, dict[str, dict[str, Any]]]:
        """Run the audit; return its exit code, and its verdicts by control."""
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder) / "audit.json"
            done = self.playbook("audit", HAECHI_AUDIT_JSON=str(result))
            assert result.is_file(), done.stdout[-3000:] + done.stderr[-3000:]
            rows = json.loads(result.read_text())["verdicts"]
        return done.returncode, {row["control"]: row for row in rows}

    def wait(self, condition: str, seconds: float) -> None:
        """Wait until a shell test holds on the machine.

        Raises ``AssertionError`` when it never does.
        """
        started = time.monotonic()
        while self.ssh("sudo", "-n", "sh", "-c", shlex.quote(condition)).returncode != 0:
            assert time.monotonic() - started < seconds, f"{condition}: not so after {seconds} s"
            time.sleep(0.5)

    def booted_again(self, before: Facts) -> Boot:
        """Wait until another boot than the one before has ended, with its clock set; look."""
        started = time.monotonic()
        while time.monotonic() - started < vm.BOOT_SECONDS:
            vm.wait(INVENTORY, self.vm)
            if self.root("cat /proc/sys/kernel/random/boot_id").strip() != before["boot_id"]:
                break
        took = time.monotonic() - started
        # A first packet that is lost is sent again after half a minute (systemd-timesyncd).
        self.wait("test -e /run/systemd/timesync/synchronized", 150)
        return Boot(before, self.facts(), took)

    def tail(self) -> str:
        """Return the console's last lines."""
        file = self.vm.console
        lines = file.read_text(errors="replace").splitlines() if file.is_file() else ["no console"]
        return "\n".join(lines[-30:])


def ansible(inventory: Path = INVENTORY) -> list[str]:
    """Return the start of a command line that runs a playbook on an inventory, that of this tier."""
    return [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory)]


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a playbook, one of the checkout whatever the caller's folder is."""
    return {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "false", **more}
