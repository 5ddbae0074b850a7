"""Break what each control of the inspection promises: the audit says so, and is content once the role ran again."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from haechi.controls.ids import CONTROLS

from .conftest import BIN, INVENTORY, ROOT, Gateway, until

NAMES = {
    *("ids-runs", "ids-queues-as-policy", "ids-fails-as-chosen"),
    *("ids-rules-in-force", "ids-rules-fresh", "ids-canary-heard"),
}


def audited(folder: Path) -> dict[str, str]:
    """Return what an audit says of the gateway's inspection, by control."""
    result = folder / "audit.json"
    argv = [str(BIN / "ansible-playbook"), "-i", str(INVENTORY), "playbooks/audit.yml", "--limit", "gw"]
    env = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "HAECHI_AUDIT_JSON": str(result)}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300, cwd=ROOT, env=env)
    assert result.is_file(), done.stdout + done.stderr
    rows = [row for row in json.loads(result.read_text())["verdicts"] if row["subject"] == "gw"]
    foreign = next(row for row in rows if row["control"] == "firewall-no-foreign-table")
    assert foreign["status"] == "pass", foreign
    return {row["control"]: row["status"] for row in rows if row["control"] in NAMES}


def test_the_audit_catches_every_breaker_and_the_role_mends_it(
    gateway: Gateway, converged: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """All at once: each is told by its own control."""
    assert audited(tmp_path) == dict.fromkeys(NAMES, "pass")
    for control in CONTROLS:
        assert control.breaker is not None
        gateway.does(control.breaker.script)
    assert audited(tmp_path) == dict.fromkeys(NAMES, "fail")

    code, said = converged()
    assert code == 0, said
    until(gateway.ready, "the gateway does not inspect")
    assert audited(tmp_path) == dict.fromkeys(NAMES, "pass")
