"""People who ask, sign and approve with the machines' real keys, and use what they were granted over ssh."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from haechi import authenticator
from haechi.grant import APPROVAL, REQUEST, desk
from haechi.grant.document import Request

ROOT = Path(__file__).resolve().parents[3]
INVENTORY = ROOT / "molecule/inventory"
SLEEP = "/usr/bin/sleep 301"
MACHINES = ("trixie", "bookworm")


def run(*argv: str, timeout: int = 120) -> subprocess.CompletedProcess[str]:
    """Run a program of the controller."""
    env = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections")}
    kept = {"capture_output": True, "text": True, "timeout": timeout, "stdin": subprocess.DEVNULL}
    return subprocess.run(argv, cwd=ROOT, env={**os.environ, **env}, check=False, **kept)


@dataclass
class Site:
    """The machines' site as its people see it."""

    keys: Path
    over_ssh: Callable[[str], Host]
    sessions: list[subprocess.Popen[str]] = field(default_factory=list)

    def sign(self, who: str, text: bytes, purpose: str) -> bytes:
        """Sign as a person does; whoever has a security key has the public half alone."""
        device = authenticator.is_device_key(self.keys / who)
        key = self.keys / (f"{who}.pub" if device else who)
        command = ["ssh-keygen", "-q", "-Y", "sign", "-n", purpose, "-f", str(key)]
        return subprocess.run(command, input=text, capture_output=True, check=True).stdout

    def ask(self, seconds: int, *commands: str, root_shell: bool = False, **more: Any) -> Request:
        """Let a person, ann if none is named, ask for commands from now on."""
        now, where = datetime.now(UTC), desk.at(INVENTORY)
        wish = {"person": "ann", "hosts": MACHINES, "children": False, "reason": "a test"} | more
        window = {"begins": now, "ends": now + timedelta(seconds=seconds)}
        asked = desk.request(where, desk.Wish(commands=commands, root_shell=root_shell, **wish, **window))
        desk.take_request(where, asked.text(), self.sign(asked.person, asked.text(), REQUEST))
        return asked

    def approve(self, asked: Request) -> None:
        """Let another operator approve it."""
        who = "ann" if asked.person == "bob" else "bob"
        said, _ = desk.approval(desk.at(INVENTORY), asked.id, who)
        desk.take_approval(desk.at(INVENTORY), said.text(), self.sign(who, said.text(), APPROVAL))

    def grant(self, name: str, *more: str) -> subprocess.CompletedProcess[str]:
        """Run the playbook."""
        return run("ansible-playbook", "-i", str(INVENTORY), "playbooks/grant.yml", "-e", f"grant={name}", *more)

    def granted(self, seconds: int, *commands: str, root_shell: bool = False, **more: Any) -> Request:
        """Ask, approve, grant."""
        asked = self.ask(seconds, *commands, root_shell=root_shell, **more)
        self.approve(asked)
        done = self.grant(asked.id)
        assert done.returncode == 0, done.stdout + done.stderr
        return asked

    def ssh(self, person: str, machine: str, *options: str) -> list[str]:
        """Return the command that logs in as a person over a new connection."""
        fresh = ["-o", "ControlPath=none", "-o", "BatchMode=yes", "-i", str(self.keys / person), "-l", person]
        return ["ssh", "-F", str(INVENTORY / ".ssh_config"), *fresh, *options, machine]

    def login(self, machine: str, command: str, person: str = "ann") -> subprocess.CompletedProcess[str]:
        """Log in and run a command."""
        return run(*self.ssh(person, machine), command)

    def stay(self, machine: str, command: str, person: str = "ann") -> subprocess.Popen[str]:
        """Log in and stay."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        session = subprocess.Popen([*self.ssh(person, machine, "-tt"), command], text=True, **pipes)
        self.sessions.append(session)
        return session

    def root(self, machine: str, command: str) -> str:
        """Run a shell command as root; a failure is the test's."""
        done = self.over_ssh(machine).run(command)
        assert done.rc == 0, done.stderr
        return done.stdout.strip()

    def alive(self, machine: str, text: str) -> bool:
        """Return whether a process with this command line runs; the pattern does not match itself."""
        return self.over_ssh(machine).run(f"pgrep -f '[{text[0]}]{text[1:]}'").rc == 0

    def left(self, machine: str, name: str) -> dict[str, Any]:
        """Return what is left of a grant on a machine, from the machine itself."""
        files = self.root(machine, "ls /etc/sudoers.d /etc/systemd/system /etc/systemd/system/timers.target.wants")
        timers = self.root(machine, "systemctl list-timers --all --no-legend --plain")
        record = json.loads(self.root(machine, f"cat /var/lib/haechi/grants/{name}.json"))
        return {"files": name in files, "timer": name in timers, "ended": record["ended"], "why": record.get("why")}


@pytest.fixture(scope="module")
def site(keys: Path, over_ssh: Callable[[str], Host]) -> Iterator[Site]:
    """Return the site; what stayed logged in is ended."""
    made = Site(keys, over_ssh)
    yield made
    for session in made.sessions:
        session.kill()
        session.wait()


def until(seconds: float, seen: Callable[[], bool]) -> bool:
    """Wait for something to be so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if seen():
            return True
        time.sleep(0.3)
    return seen()
