"""Ways to the machines beside the ``host`` that Molecule gives each test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from haechi import authenticator

INVENTORY = Path(__file__).parent / "inventory"
SSH_CONFIG = INVENTORY / ".ssh_config"


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
    return lambda name: testinfra.get_host(f"ssh://{name}", ssh_config=str(SSH_CONFIG), sudo=True)


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
