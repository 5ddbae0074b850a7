"""A controller that a test can run, watch and kill, and a machine that it can cut and restart."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from namespaces import inside

ROOT = Path(__file__).parents[3]
INVENTORY = ROOT / "molecule/inventory"
STATE = "/var/lib/haechi/guard"
HANG = "hang"


@dataclass(frozen=True)
class Machine:
    """A machine without any network between it and the test."""

    name: str

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command on it."""
        argv = [*inside(self.name), *command]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=180, stdin=subprocess.DEVNULL)

    def holds(self, path: str) -> bool:
        """Return whether a file is there."""
        return self.run("test", "-e", path).returncode == 0

    @property
    def armed(self) -> bool:
        """Return whether a change is waiting for its proof."""
        return self.holds(f"{STATE}/pending")

    def last(self) -> dict:
        """Return what the last rollback wrote about itself."""
        return json.loads(self.run("cat", f"{STATE}/last.json").stdout)


@dataclass(frozen=True)
class Controller:
    """Runs one guarded change, as a playbook does."""

    config: Path

    def start(self, target: str, subsystem: str, files: list[dict], **more: object) -> subprocess.Popen[str]:
        """Start the change and return at once."""
        variables = {
            "target": target,
            "subsystem": subsystem,
            "files": files,
            "options": {},
            "through": [],
            "seconds": 15,
        }
        variables |= more | {"ansible_ssh_common_args": f"-F {self.config}"}
        argv = [
            str(Path(sys.executable).parent / "ansible-playbook"),
            "-i",
            str(INVENTORY),
            "-e",
            json.dumps(variables),
        ]
        return subprocess.Popen(
            [*argv, str(ROOT / "molecule/stories/change.yml")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        )

    def change(self, target: str, subsystem: str, files: list[dict], **more: object) -> tuple[int, str]:
        """Carry the change out; return exit code and words."""
        process = self.start(target, subsystem, files, **more)
        out, _ = process.communicate(timeout=150)
        return process.returncode, out

    def answers(self, target: str) -> bool:
        """Return whether the automation gets in over a new connection."""
        argv = [
            "ssh",
            "-F",
            str(self.config),
            "-o",
            "ControlPath=none",
            "-o",
            "ConnectTimeout=3",
            target,
            "sudo",
            "-n",
            "true",
        ]
        return (
            subprocess.run(argv, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=60).returncode == 0
        )


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    """Return a controller that knows one host more: one whose proof never ends, so that a change stays armed."""
    config = tmp_path / "ssh_config"
    config.write_text(f"Host {HANG}\n  ProxyCommand sleep 60\n\n{(INVENTORY / '.ssh_config').read_text()}")
    return Controller(config)


@pytest.fixture
def started(controller: Controller) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start changes that the test watches; whatever is left of them ends with it."""
    running: list[subprocess.Popen[str]] = []

    def start(*args: object, **more: object) -> subprocess.Popen[str]:
        running.append(controller.start(*args, **more))
        return running[-1]

    yield start
    for process in running:
        kill(process)


def kill(process: subprocess.Popen[str]) -> None:
    """End a controller and all that it started, as a power cut does; Ansible's workers are sessions of their own."""
    for pid in [*descendants(process.pid), process.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def descendants(pid: int) -> list[int]:
    """Return the processes below one, the deepest last."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    direct = [int(child) for child in children.read_text().split()] if children.exists() else []
    return [*direct, *(below for child in direct for below in descendants(child))]


def wait(condition: Callable[[], bool], seconds: float) -> float:
    """Wait until something is so; return after how many seconds it was.

    Raises ``AssertionError`` when it never was.
    """
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not so after {seconds} s"
        time.sleep(0.2)
    return time.monotonic() - started
