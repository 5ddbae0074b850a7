"""The lab that `make demo` left standing: hardened, one leaver gone."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "inventories/lab"
MANAGED = ("gw1", "edge1", "edge2", "app1", "db1", "ops1", "log1", "vault1", "backup1")


@dataclass(frozen=True)
class Lab:
    """Ways to reach the lab's machines."""

    def inside(
        self, host: str, *command: str, timeout: int = 60, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a machine without any network; ``text`` is what it reads."""
        return self._run(["podman", "exec", "--interactive", f"haechi-lab-{host}", *command], timeout, text)

    def login(self, host: str, *command: str, timeout: int = 30) -> subprocess.CompletedProcess[str]:
        """Run a command as the automation account, the way playbooks go."""
        ssh = ["ssh", "-F", str(INVENTORY / ".ssh_config"), "-o", "ControlPath=none", "-o", "BatchMode=yes", host]
        return self._run([*ssh, *command], timeout)

    def playbook(
        self, *arguments: str, timeout: int = 300, inventory: Path = INVENTORY
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook on the lab."""
        return self._run(["ansible-playbook", "-i", str(inventory), *arguments], timeout)

    @staticmethod
    def _run(command: list[str], timeout: int, text: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, input=text or "", capture_output=True, text=True, check=False, timeout=timeout, cwd=ROOT
        )


@pytest.fixture(scope="session")
def lab() -> Lab:
    """Return the standing lab; a lab that is down is a failure, never a skip."""
    lab = Lab()
    assert lab.inside("ops1", "true").returncode == 0, "the lab is down: run `make demo` first"
    return lab
