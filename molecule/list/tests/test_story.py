"""Somebody leaves while a host is off: the offboarding says so, and the host hears of it by itself at its next boot."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from testinfra.host import Host

from .conftest import INVENTORY, POLICY, ROOT, STATE, Machine, converge

OFF, SERVER = "bookworm", "trixie"


@pytest.fixture
def away(host: Host, keys: Path, alone: Callable[[str], AbstractContextManager[None]]) -> Iterator[Machine]:
    """Return the machine that will be off, and give both back as they were."""
    if host.backend.get_pytest_id() != f"ssh://{OFF}":
        pytest.skip("one machine is off, the other serves the list")
    off, server = Machine(OFF, keys), Machine(SERVER, keys)
    with alone(OFF), alone(SERVER):
        # While other tests had the server send lists of theirs, the timer of the other machine fetched them too.
        as_policy_wants(off, server)
        yield off
        off.podman("start", f"haechi-molecule-{OFF}")
        as_policy_wants(off, server)


def as_policy_wants(*machines: Machine) -> None:
    """Forget the lists of tests, on both machines before a run: the one fetches from the other."""
    for one in machines:
        one.forget()
    converge(*(one.name for one in machines))


def offboard(folder: Path) -> tuple[str, dict[str, object]]:
    """Let Bob go, with a copy of the state, so that he is remembered nowhere else; return words and record."""
    assert POLICY is not None
    own, record = folder / "state" / POLICY.site.name, folder / "run.json"
    shutil.copytree(STATE / "pki", own / "pki")
    for path in filter(Path.is_file, STATE.iterdir()):
        shutil.copy(path, own)
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(INVENTORY), "playbooks/offboard.yml"]
    argv += ["-e", "person=bob", "--limit", f"{SERVER},{OFF}"]
    more = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "HAECHI_OFFBOARD_JSON": str(record)}
    env = {**os.environ, **more, "HAECHI_STATE_DIR": str(folder / "state")}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300, cwd=ROOT, env=env)
    return done.stdout, json.loads(record.read_text())


def test_a_host_that_was_off_hears_of_the_leaving_at_boot(away: Machine, tmp_path: Path) -> None:
    """No run touches it: what it holds after its boot it fetched, over the flow of policy."""
    was = away.login("bob")
    assert was.stdout == "bob\n", was.stderr + away.sh("journalctl --no-pager -n 25; ls -la /run/haechi; date")
    before = away.held()
    assert away.podman("stop", "-t", "20", f"haechi-molecule-{OFF}").returncode == 0
    words, run = offboard(tmp_path)

    assert f"{OFF}: unreachable" in "; ".join(run["open"])  # type: ignore[arg-type]
    assert run["list"]["served"] is True, words  # type: ignore[index]
    assert run["list"]["number"] > before  # type: ignore[index]

    assert away.podman("start", f"haechi-molecule-{OFF}").returncode == 0
    until = time.monotonic() + 60
    while "Permission denied" not in (said := away.login("bob").stderr) and time.monotonic() < until:
        assert away.login("bob").stdout == ""
        time.sleep(0.2)
    assert "Permission denied" in said
    assert away.gets_in("ann") is True
    assert away.held() == run["list"]["number"]  # type: ignore[index]
