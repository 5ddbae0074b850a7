"""Ways to make the accounts of one machine what a test wants, and to act as the people who have them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testinfra.host import Host

from haechi.desired import accounts
from haechi.policy import load

ROOT = Path(__file__).resolve().parents[3]
INVENTORY = ROOT / "molecule/inventory"


def run(*argv: str, timeout: int = 120, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the controller."""
    env = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
    }
    return subprocess.run(
        argv,
        cwd=ROOT,
        env={**env, **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )


@dataclass
class Machine:
    """One machine, its wanted accounts and the keys of its people."""

    name: str
    host: Host
    keys: Path
    sessions: list[subprocess.Popen[str]] = field(default_factory=list)
    left_otherwise: bool = False

    def wanted(self, *left: str, unknown: str = "report") -> dict[str, Any]:
        """Return the accounts by the people file as it is, minus those who left."""
        document = accounts.build(load(INVENTORY).policy, self.name, frozenset(left))
        return {**document, "unknown_accounts": unknown}

    def module(self, name: str, arguments: dict[str, Any], *more: str) -> dict[str, Any]:
        """Run one module of ours and return its result."""
        self.left_otherwise = True
        argv = [
            "ansible",
            self.name,
            "-i",
            str(INVENTORY),
            "-m",
            f"haechi.guard.{name}",
            "-a",
            json.dumps(arguments),
            *more,
        ]
        done = run(*argv, ANSIBLE_LOAD_CALLBACK_PLUGINS="1", ANSIBLE_STDOUT_CALLBACK="ansible.posix.json")
        told = json.loads(done.stdout[done.stdout.index("{") :])
        return told["plays"][0]["tasks"][0]["hosts"][self.name]

    def make(self, *left: str, unknown: str = "report") -> dict[str, Any]:
        """Make the accounts what they should be."""
        seen = self.module("accounts", {"desired": self.wanted(*left, unknown=unknown)})
        self.left_otherwise = bool(left) or unknown != "report" or bool(seen.get("failed"))
        return seen

    def ssh(self, person: str, *options: str) -> list[str]:
        """Return the command that logs in as a person over a new connection."""
        fresh = ["-o", "ControlPath=none", "-o", "BatchMode=yes", "-i", str(self.keys / person), "-l", person]
        return ["ssh", "-F", str(INVENTORY / ".ssh_config"), *fresh, *options, self.name]

    def login(self, person: str, command: str = "true") -> subprocess.CompletedProcess[str]:
        """Log in as a person and run a command."""
        return run(*self.ssh(person), command)

    def stay(self, person: str, command: str) -> subprocess.Popen[str]:
        """Log in as a person and stay."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        session = subprocess.Popen([*self.ssh(person, "-tt"), command], text=True, **pipes)
        self.sessions.append(session)
        return session

    def root(self, command: str) -> str:
        """Run a shell command as root; a failure is the test's."""
        done = self.host.run(command)
        assert done.rc == 0, done.stderr
        return done.stdout.strip()
