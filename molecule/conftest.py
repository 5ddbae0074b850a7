"""Ways to the machines beside the ``host`` that Molecule gives each test."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from haechi import authenticator

# Molecule has Ansible colour what it says; a test that runs a playbook reads it as text.
os.environ["ANSIBLE_FORCE_COLOR"] = "false"
INVENTORY = Path(__file__).parent / "inventory"
SSH_CONFIG = INVENTORY / ".ssh_config"
# What a test reads goes over one connection a machine: a new one through the bastion takes half a second, each time.
# Logins that a test is about open their own. A name apart from Ansible's, whose runs prove things by new connections.
SHARED = "-oControlPath='~/.ansible/cp/tests-%C'"


class PerMachine(LoadScopeScheduling):
    """Keeps a machine's tests in one process, where a scenario runs in several: they wait more than they work."""

    def _split_scope(self, nodeid: str) -> str:
        """Return the machine that testinfra wrote into a test's name (xdist's ``loadgroup`` needs an older pytest)."""
        named = re.search(r"\[(ssh://[a-z0-9]+)", nodeid)
        return named[1] if named else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> PerMachine:
    """Give xdist the schedule of these tests."""
    return PerMachine(config, log)


@pytest.fixture(scope="session")
def over_ssh() -> Callable[[str], Host]:
    """Reach a managed machine as playbooks do: pinned host key, automation account, sudo."""
    shared = {"ssh_config": str(SSH_CONFIG), "ssh_extra_args": SHARED}
    return lambda name: testinfra.get_host(f"ssh://{name}", sudo=True, **shared)


@pytest.fixture(scope="module")
def host(_testinfra_host: Host) -> Host:
    """Return testinfra's own, which its command line cannot give the shared connection."""
    _testinfra_host.backend.ssh_extra_args = SHARED
    return _testinfra_host


@contextmanager
def _alone(name: str) -> Iterator[None]:
    with Path(tempfile.gettempdir(), f"haechi-molecule-{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def alone() -> Callable[[str], AbstractContextManager[None]]:
    """Have a machine to oneself, by its name: the tests of another may run beside these, and some are for all."""
    return _alone


@pytest.fixture(scope="session")
def inside() -> Callable[[str], Host]:
    """Reach a machine without any network, for what a locked-out or unmanaged one sees."""
    return lambda name: testinfra.get_host(f"podman://haechi-molecule-{name}")


@pytest.fixture(scope="session")
def keys() -> Path:
    """Return the folder of the identities' private keys, one file an id."""
    return INVENTORY.parents[1] / ".lab/molecule/keys"


@pytest.fixture(scope="session", autouse=True)
def authenticators(keys: Path) -> Iterator[None]:
    """Hold everybody's security key, touched and with its PIN: whoever has one logs in by it in every scenario."""
    with authenticator.plugged_in(keys):
        yield
