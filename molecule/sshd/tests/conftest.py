"""Real logins from the control node, each over a connection of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from testinfra.host import Host

CONFIG = Path(__file__).parents[2] / "inventory/.ssh_config"
Done = subprocess.CompletedProcess[str]
Ssh = Callable[..., Done]


@pytest.fixture
def name(host: Host) -> str:
    """Return the machine's name in policy."""
    return host.backend.get_pytest_id().removeprefix("ssh://")


@pytest.fixture(scope="session")
def ssh(keys: Path) -> Ssh:
    """Log in on a machine as somebody, with nothing but that person's key, or another's."""

    def login(machine: str, user: str, *command: str, options: tuple[str, ...] = (), key: str = "") -> Done:
        fresh = ["-o", "ControlPath=none", "-o", "ControlMaster=no", "-o", "BatchMode=yes"]
        # A machine's user manager may take half a minute to go before it comes again; who gets in is the question here.
        fresh += ["-o", "ServerAliveInterval=0"]
        who = ["-i", str(keys / (key or user)), "-l", user]
        argv = ["ssh", "-F", str(CONFIG), *fresh, *who, *options, machine, *command]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL)

    return login
