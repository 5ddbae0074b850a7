"""People who have a password and people who have none, made for these tests and removed after them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from testinfra.host import Host

GOOD = {"ana": "Corr3ct-Horse!9", "ben": "Batt3ry-Stapl3!"}


@pytest.fixture(scope="module")
def people(host: Host) -> Iterator[dict[str, str]]:
    """Two accounts with a password, ana in the group that may use su, and cho without one."""
    try:
        for name in (*GOOD, "cho"):
            host.run_expect([0], f"useradd --create-home --shell /bin/bash {name}")
        for name, password in GOOD.items():
            host.run_expect([0], "echo %s | chpasswd", f"{name}:{password}")
        host.run_expect([0], "gpasswd --add ana wheel")
        yield GOOD
    finally:
        for name in (*GOOD, "cho"):
            host.run("faillock --user %s --reset", name)
            host.run("userdel --remove %s", name)
