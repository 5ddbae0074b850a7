"""A machine for each test, with its proper accounts before and after."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from machines import INVENTORY, Machine, run
from testinfra.host import Host


@pytest.fixture
def machine(host: Host, keys: Path, alone: Callable[[str], AbstractContextManager[None]]) -> Iterator[Machine]:
    """Return the machine of a test, and give it its proper accounts back."""
    made = Machine(host.backend.get_pytest_id().removeprefix("ssh://"), host, keys)
    with alone(made.name):
        yield made
        for session in made.sessions:
            session.kill()
            session.wait()
        if made.left_otherwise:
            assert made.make().get("failed") is not True


@pytest.fixture
def playbook() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a playbook of ours on the machines."""
    return lambda name, *more, **env: run(
        "ansible-playbook", "-i", str(INVENTORY), f"playbooks/{name}.yml", *more, **env
    )
