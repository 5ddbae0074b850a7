"""Attempts from one machine at another, and playbooks as an operator runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from namespaces import inside

from haechi.lab import limits

ROOT = Path(__file__).parents[3]
CONNECT = """\
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
found = socket.getaddrinfo(sys.argv[1], int(sys.argv[2]), family, socket.SOCK_STREAM)[0]
with socket.socket(family, socket.SOCK_STREAM) as tried:
    tried.settimeout(2)
    tried.connect(found[4])
    print(tried.recv(4).decode(errors="replace") if sys.argv[2] in ("22", "2222") else "open")
"""

Inside = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def run_in() -> Inside:
    """Run a command on a machine without any network."""

    def run(name: str, *command: str) -> subprocess.CompletedProcess[str]:
        argv = [*inside(name), *command]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=180, stdin=subprocess.DEVNULL)

    return run


@pytest.fixture(scope="session")
def opens(run_in: Inside) -> Callable[[str, str, int], bool]:
    """Return whether a TCP connection from a machine to an address is answered."""
    return lambda name, address, port: run_in(name, "python3", "-c", CONNECT, address, str(port)).returncode == 0


@pytest.fixture(scope="session")
def opens_in_time(opens: Callable[[str, str, int], bool]) -> Callable[[str, str, int], bool]:
    """Return whether one is answered within a minute: a machine that is kept busy takes its time."""

    def tried(name: str, address: str, port: int) -> bool:
        until = time.monotonic() + 60
        while not (answered := opens(name, address, port)) and time.monotonic() < until:
            time.sleep(0.2)
        return answered

    return tried


@pytest.fixture(scope="session")
def playbook() -> Callable[..., tuple[int, str]]:
    """Run one of the scenario's playbooks, if need be with another inventory; return exit code and words."""

    def run(name: str, *arguments: str, inventory: Path = ROOT / "molecule/inventory") -> tuple[int, str]:
        argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory)]
        done = subprocess.run(
            [*argv, str(ROOT / "molecule/firewall" / name), *arguments],
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
def with_policy(
    tmp_path_factory: pytest.TempPathFactory, playbook: Callable[..., tuple[int, str]]
) -> Callable[[str, Callable[[Path], None]], AbstractContextManager[None]]:
    """Converge a machine with a policy whose folder a test has changed; then with its own again."""

    @contextmanager
    def changed(name: str, change: Callable[[Path], None]) -> Iterator[None]:
        top = tmp_path_factory.mktemp("policy")
        inventory = top / "molecule/inventory"
        shutil.copytree(ROOT / "molecule/inventory", inventory)
        (top / ".lab").symlink_to(ROOT / ".lab")
        change(inventory / "group_vars/all/policy")
        code, words = playbook("converge.yml", "--limit", name, inventory=inventory)
        assert code == 0, words[-2000:]
        yield
        code, words = playbook("converge.yml", "--limit", name)
        assert code == 0, words[-2000:]

    return changed


@pytest.fixture(scope="session")
def neighbour() -> Iterator[Callable[..., int]]:
    """Make a container that no role ever sees and return its process; `haechi lab down` knows it by its label."""
    made: list[str] = []

    def podman(*words: str) -> str:
        return subprocess.run(["podman", *words], capture_output=True, text=True, check=True).stdout.strip()

    def make(name: str, network: str, *command: str) -> int:
        made.append(f"haechi-molecule-{name}")
        image = podman("inspect", "--format", "{{.Image}}", "haechi-molecule-trixie")
        here = limits.detect()
        flags = ["--runtime", here.runtime, "--label", "haechi.site=molecule", "--cap-add", "NET_ADMIN"]
        flags += ["--ulimit", f"nofile={here.nofile}:{here.nofile}", "--ulimit", f"nproc={here.nproc}:{here.nproc}"]
        podman("run", "--detach", "--replace", "--name", made[-1], *flags, "--network", network, image, *command)
        return int(podman("inspect", "--format", "{{.State.Pid}}", made[-1]))

    yield make
    if made:
        podman("rm", "--force", "--time", "0", *made)


@pytest.fixture(scope="session")
def stranger(neighbour: Callable[..., int]) -> str:
    """Give the management zone a machine that obeys no policy; return its name."""
    neighbour("stranger", "haechi-molecule-mgmt:ip=10.78.40.66", "sleep", "infinity")
    return "stranger"
