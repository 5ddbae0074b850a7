"""People who log in by ssh and use sudo, with a terminal of their own where it matters."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from testinfra.host import Host

ROOT = Path(__file__).parents[3]
INVENTORY = ROOT / "molecule/inventory"
BIN = Path(sys.executable).parent
KEEPS = "trixie"
SENDS = ("bookworm", "gw")
FAILED = "/usr/bin/systemctl --no-pager --failed"
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Desk:
    """Where a person of a test sits: her machine's name and everybody's keys."""

    name: str
    keys: Path

    def ssh(self, person: str, *command: str, text: str = "", options: tuple[str, ...] = ()) -> Done:
        """Run a command as a person over a new connection."""
        return subprocess.run(
            [*self._argv(person, options), *command],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    def typed(self, person: str, command: str, *, prompt: str, answer: str) -> str:
        """Run a command on a terminal, type an answer at its prompt, and return what the person saw."""
        child, master = pty.fork()
        if child == 0:
            os.execvp("ssh", [*self._argv(person, ("-tt",)), command])  # noqa: S606 - no shell between
        shown, until, told = "", time.monotonic() + 30, False
        while time.monotonic() < until:
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                part = os.read(master, 4096).decode(errors="replace")
            except OSError:
                break
            shown += part
            if not told and prompt in shown:
                time.sleep(0.3)
                os.write(master, f"{answer}\n".encode())
                told = True
        os.waitpid(child, 0)
        return shown

    def begins(self, person: str, command: str) -> subprocess.Popen[str]:
        """Begin a command on a terminal, and leave it at its first question."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*self._argv(person, ("-tt",)), command], stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )

    def _argv(self, person: str, options: tuple[str, ...]) -> list[str]:
        config = self.keys.parent / f"ssh_config.{person}"
        lines = (INVENTORY / ".ssh_config").read_text().splitlines()
        config.write_text("".join(f"{line}\n" for line in lines if "IdentityFile" not in line))
        fresh = ("-o", "ControlPath=none", "-o", "ControlMaster=no", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR")
        key = ("-o", "IdentitiesOnly=yes", "-i", str(self.keys / person))
        return ["ssh", "-F", str(config), *fresh, *key, *options, "-l", person, self.name]


@pytest.fixture
def desk(host: Host, keys: Path) -> Desk:
    """Return the desk in front of the machine that a test is about."""
    return Desk(host.backend.get_pytest_id().removeprefix("ssh://"), keys)


@pytest.fixture
def log_host(over_ssh: Callable[[str], Host]) -> Host:
    """Return the machine that keeps recordings."""
    return over_ssh(KEEPS)


@pytest.fixture
def asks(host: Host) -> Iterator[str]:
    """Let Ann run a program that asks for a password."""
    yield from allowed(
        host, "asks", "printf 'Password: '; stty -echo; read -r x; stty echo; echo; echo \"heard ${#x}\""
    )


@pytest.fixture
def tells(host: Host) -> Iterator[str]:
    """Let Ann run a program that says more than sudo_logsrvd holds back, and waits."""
    yield from allowed(host, "tells", "seq 1 5000; read -r x")


def allowed(host: Host, name: str, program: str) -> Iterator[str]:
    """Let Ann run a program as root, by a rule that goes again."""
    script, rule, text = f"/usr/local/sbin/{name}", f"/etc/sudoers.d/{name}", f"#!/bin/sh\n{program}\n"
    host.check_output("printf %%s %s > %s && chmod 0755 %s", text, script, script)
    host.check_output("umask 337; echo 'ann ALL=(root) NOPASSWD: %s' > %s", script, rule)
    yield script
    host.check_output("rm -f %s %s", script, rule)


def recordings(log_host: Host, machine: str) -> set[str]:
    """Return the numbers of a machine's recordings."""
    found = log_host.run("cd /var/log/sudo-io && find %s -name log.json 2>/dev/null", machine).stdout.split()
    return {path.removesuffix("/log.json") for path in found}


def replayed(log_host: Host, number: str) -> str:
    """Return what a recording shows."""
    return log_host.check_output("sudoreplay -n -m 0 -d /var/log/sudo-io %s", number)


def watched(host: Host, *before: str) -> None:
    """Have the watch look after some commands: a look of its timer that is under way may have begun before them."""
    host.check_output("; ".join([*before, "systemctl restart haechi-recorder-watch.service"]))


def eventually(seen: Callable[[], bool], seconds: float = 30) -> bool:
    """Return whether something comes true in time."""
    until = time.monotonic() + seconds
    while not seen():
        if time.monotonic() > until:
            return False
        time.sleep(0.5)
    return True


def converge() -> Done:
    """Run the role on the machines; what else the scenario converges stays as it is."""
    return subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", str(INVENTORY), "molecule/recorder/converge.yml", "--tags", "recorder"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=180,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
    )
