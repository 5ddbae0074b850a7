"""An audit as a whole: what a broken policy or a silent host does to its verdicts, and that it can be judged again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from haechi import audit, runs
from haechi.controls.model import Status
from haechi.policy import load
from haechi.policy.models import Policy

ROOT = Path(__file__).resolve().parents[3]
SILENT = {"unknown": "unreachable: connection refused"}


@pytest.fixture(name="policy")
def example() -> Policy:
    loaded = load(ROOT / "inventories/example")
    assert loaded.policy is not None
    return loaded.policy


def run(policy: Policy, state: Path, unsound: str = "") -> runs.Run:
    """Begin a run, write it down and read it back, as its evidence does."""
    return runs.read(json.loads(json.dumps(runs.begin(policy, frozenset({"yuna"}), state, unsound))))


def test_a_run_is_the_same_after_it_was_written_down(policy: Policy, tmp_path: Path) -> None:
    """What is judged a year later starts from the same policy, leavers and pinned keys."""
    blob = "AAAAC3NzaC1lZDI1NTE5AAAAIJ/2XKmOJ9YvkAxdLT5p4XT52nV3+1trmRzh2lbNwmXG"
    (tmp_path / "known_hosts").write_text(f"db1 ssh-ed25519 {blob}\ndb1 ssh-rsa AAAA\n")

    again = run(policy, tmp_path)

    assert again.policy == policy
    assert again.revoked == frozenset({"yuna"})
    assert list(again.host_keys) == ["db1"]
    assert again.host_keys["db1"].startswith("SHA256:")


def test_a_silent_fleet_passes_nothing(policy: Policy, tmp_path: Path) -> None:
    """Every automated control of a host that did not answer is unknown, with the reason."""
    hosts = [name for name, host in policy.hosts.items() if host.managed]

    rows = audit.judge(run(policy, tmp_path), dict.fromkeys(hosts, SILENT))

    assert [row for row in rows if row.verdict.status is Status.PASS and row.subject != "site"] == []
    assert not audit.settled(rows)


def test_a_policy_that_does_not_validate_supports_no_verdict(policy: Policy, tmp_path: Path) -> None:
    """What must be true is not known then; the audit goes on and says so."""
    rows = audit.judge(run(policy, tmp_path, "1 problem(s), the first: x"), {"db1": SILENT})

    assert [row for row in rows if row.verdict.status is Status.PASS] == []
