"""A machine outside that trusts the site's authority, and playbooks as an operator runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from namespaces import inside
from testinfra.host import Host

ROOT = Path(__file__).parents[3]
ASK = (ROOT / "molecule/edge/fixture/ask.py").read_text()
EDGE, SERVICE, NAME = "10.78.40.100", "10.78.30.11", "ekyc.example.test"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", "Accept": "*/*"}


def run_in(name: str, *command: str, text: str = "", seconds: int = 60) -> subprocess.CompletedProcess[str]:
    """Run a command on a machine without any network."""
    argv = [*inside(name), *command]
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=False, timeout=seconds)


@dataclass(frozen=True)
class Asker:
    """One machine's way to a place where the service answers."""

    machine: str
    where: Mapping[str, Any]

    def does(self, what: str, **more: Any) -> Any:
        """Do one of the things of ``fixture/ask.py`` and return what came of it."""
        asked = json.dumps({"do": what, **self.where, **more})
        done = run_in(self.machine, "python3", "-c", ASK, text=asked)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def begins(self, what: str, **more: Any) -> subprocess.Popen[str]:
        """Begin one of them; its output is the same."""
        argv = [*inside(self.machine), "python3", "-c", ASK]
        begun = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert begun.stdin is not None
        begun.stdin.write(json.dumps({"do": what, **self.where, **more}) + "\n")
        begun.stdin.flush()
        return begun

    def asks(self, *rows: Mapping[str, Any], **more: Any) -> list[dict[str, Any]]:
        """Make requests as a browser would, unless they say otherwise."""
        asked = [{**row, "headers": BROWSER | dict(row.get("headers", {}))} for row in rows]
        answers: list[dict[str, Any]] = self.does("requests", rows=asked, **more)
        return answers

    def ask(self, path: str, **more: Any) -> dict[str, Any]:
        """Make one request."""
        return self.asks({"path": path, **more})[0]


@pytest.fixture(scope="session")
def outside() -> Asker:
    """Return the machine outside; each of its further addresses is a source of its own."""
    root = run_in("trixie", "cat", "/etc/haechi/x509/root.pem").stdout
    assert "BEGIN CERTIFICATE" in root
    run_in("client", "sh", "-c", "cat > /root/haechi-root.pem", text=root)
    for last in range(12, 21):
        run_in("client", "ip", "address", "replace", f"10.78.0.{last}/24", "dev", "eth0")
    return Asker("client", {"address": EDGE, "port": 443, "name": NAME})


@pytest.fixture(scope="session")
def direct() -> Asker:
    """Return the way past the edge: what attacks do there shows that they are ones."""
    return Asker("trixie", {"address": SERVICE, "port": 8080, "name": NAME, "plain": True})


@pytest.fixture(scope="session")
def playbook() -> Callable[..., tuple[int, str]]:
    """Run the scenario's playbook, if need be with another inventory; return exit code and words."""

    def run(*arguments: str, inventory: Path = ROOT / "molecule/inventory") -> tuple[int, str]:
        argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory)]
        done = subprocess.run(
            [*argv, str(ROOT / "molecule/edge/converge.yml"), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        )
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    return run


@pytest.fixture(scope="session")
def holder() -> Callable[[], str]:
    """Tell which of the two has the shared address; on its way from one to the other neither has, for a moment."""

    def having() -> list[str]:
        return [name for name in ("trixie", "bookworm") if EDGE in run_in(name, "ip", "-4", "address").stdout]

    def who() -> str:
        until = time.time() + 60
        while len(has := having()) != 1 and time.time() < until:
            time.sleep(0.2)
        assert len(has) == 1, has
        return has[0]

    return who


@pytest.fixture(scope="session")
def pair(over_ssh: Callable[[str], Host]) -> dict[str, Host]:
    """Return both hosts."""
    return {name: over_ssh(name) for name in ("trixie", "bookworm")}
