"""The role ``offboarding`` in a real play: what is refused before the host is touched, which is this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLAY = """
- hosts: all
  gather_facts: false
  roles: [haechi.guard.offboarding]
"""
LACKS = "hr/secrets/payroll: No such file or directory: run `haechi hr secret payroll`"
RECEIVE = {"lacking": [LACKS], "secrets": {}}
WORK = {"inventory": "/etc/haechi-work/inventory", "files": {}, "state": ""}


# A start of Ansible, for both hosts.
@pytest.mark.exhaustive
def test_what_the_control_node_lacks_or_cannot_hand_over_is_told_in_a_sentence(tmp_path: Path) -> None:
    """A secret that was never made stops the receiver's rollout; a file that is no text stops the worker's."""
    desired = {"edge1": {"schema": 1, "receive": RECEIVE, "work": None}}
    desired["ops1"] = {"schema": 1, "receive": None, "work": WORK}
    hosts = {name: {"ansible_connection": "local", "offboarding_desired": told} for name, told in desired.items()}
    inventory = tmp_path / "inventory"
    inventory.mkdir()
    (inventory / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    (inventory / "logo.txt").write_bytes(b"\x89PNG\xff")
    (tmp_path / "play.yml").write_text(PLAY)

    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", inventory / "hosts.json", tmp_path / "play.yml"],
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert f"nothing was touched; missing is {LACKS}" in said
    assert f"{inventory}/logo.txt: no text in UTF-8: nothing was touched; move it out of the inventory" in said
    assert "Traceback" not in said
