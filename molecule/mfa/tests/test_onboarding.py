"""Tom's second host: made as his job says, with the codes that he has on the first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from conftest import INVENTORY, ROOT, SEEDS, Door, code_of_now, got_in
from testinfra.host import Host

FIRST, SECOND = "trixie", "bookworm"


def onboard(folder: Path, *more: str) -> tuple[str, dict[str, Any]]:
    """Let somebody in on the two machines; return words and summary."""
    summary = folder / "summary.json"
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(INVENTORY), "playbooks/onboard.yml"]
    env = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "HAECHI_SUMMARY": str(summary)}
    env["ANSIBLE_STDOUT_CALLBACK"] = "haechi.guard.progress"
    argv += ["--limit", f"{FIRST},{SECOND}", *more]
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, timeout=180, cwd=ROOT, env=env, stdin=subprocess.DEVNULL
    )
    said = done.stdout + done.stderr
    return said, json.loads(summary.read_text()) | {"code": done.returncode}


@pytest.fixture
def second(
    door: Door, over_ssh: Callable[[str], Host], alone: Callable[[str], AbstractContextManager[None]]
) -> Iterator[Door]:
    """Return the machine that Tom has never been on."""
    if door.name != FIRST:
        pytest.skip("an onboarding is for all hosts at once: tested once, from trixie")
    made = Door(SECOND, over_ssh(SECOND), door.keys, door.folder)
    with alone(SECOND):
        # Earlier tests' logins of his may not be over.
        made.root("pkill -KILL -u tom; until ! pgrep -u tom; do sleep 0.1; done")
        made.root(
            f"userdel -rf tom 2>/dev/null; rm -f {SEEDS}/tom /etc/ssh/authorized_keys.d/tom; ! id tom 2>/dev/null"
        )
        yield made


def test_a_person_gets_account_and_codes_on_a_new_host_and_nobody_unknown_does(door: Door, second: Door) -> None:
    """Looked at first, then done, then done already."""
    seed = door.enrolled("tom")
    try:
        said, seen = onboard(door.folder, "-e", "person=tim")
        assert (seen["code"] != 0, "tim is nobody of policy (did you mean tom?)" in said) == (True, True), said

        said, seen = onboard(door.folder, "-e", "person=tom", "--check", "--diff")
        assert (seen["code"], seen["changed"] >= 2, "one-time codes of tom" in said) == (0, True, True), said
        assert second.host.run("id tom").rc == 1
        assert second.host.run(f"test -e {SEEDS}/tom").rc == 1

        said, seen = onboard(door.folder, "-e", "person=tom", "-e", "reason=a new host")
        assert seen["code"] == 0, said
        assert "tom logs in with key and one-time code; not yet on " in said
        assert "left out by this run: " in said
        assert got_in(second.with_key("tom", answer=code_of_now(seed)), "tom")
        assert not got_in(second.with_key("tom"), "tom")

        said, seen = onboard(door.folder, "-e", "person=tom")
        assert (seen["code"], seen["changed"]) == (0, 0), said
    finally:
        second.root(f"rm -f {SEEDS}/tom")
