"""The action ``policy`` in real plays, on hosts that nobody answers for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLAY = """
- hosts: managed
  gather_facts: false
  tasks:
    - name: Judge
      haechi.guard.policy:
      run_once: true
    - name: Hand out
      haechi.guard.desired:
    - name: Show
      ansible.builtin.debug:
        msg: >-
          {{ inventory_hostname }} has {{ haechi_desired[inventory_hostname] | sort | join(' ') }} of
          {{ haechi_desired | join(' ') }}
"""


@pytest.fixture
def play(tmp_path: Path) -> Path:
    path = tmp_path / "play.yml"
    path.write_text(PLAY)
    return path


def run(playbook: Path, *arguments: str, state: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).parent / "ansible-playbook", "-i", ROOT / "inventories/example", playbook]
    environment = os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "HAECHI_STATE_DIR": str(state)}
    environment |= {"ANSIBLE_STDOUT_CALLBACK": "default", "ANSIBLE_FORCE_COLOR": "0"}
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, env=environment)


def test_every_host_of_the_play_gets_its_documents_and_none_is_contacted(play: Path, tmp_path: Path) -> None:
    """Its own alone; judged once, by --check and for a part of the fleet too; the addresses lead nowhere."""
    result = run(play, "--check", "--limit", "gw1,db1", state=tmp_path)

    assert result.returncode == 0, result.stdout + result.stderr
    for host in ("gw1", "db1"):
        roles = "accounts baseline break_glass firewall mfa pki prove recorder sshd"
        assert f'{host} has {roles} of {host}"' in result.stdout
    assert "edge1" not in result.stdout


def test_documents_are_not_printed_however_much_is_asked_for(play: Path, tmp_path: Path) -> None:
    """One of them holds the hash of the sealed account's password; the hosts get them all the same."""
    result = run(play, "-vvv", "--limit", "db1", state=tmp_path)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "db1 has accounts" in result.stdout
    assert "policy drop;" not in result.stdout


def test_a_policy_name_by_extra_vars_stops_the_play(tmp_path: Path) -> None:
    """The door that Ansible opens to everybody stays shut."""
    result = run(ROOT / "playbooks/validate.yml", "-e", '{"flows": []}', state=tmp_path)

    assert result.returncode == 2
    assert "-e: flows: policy name flows set on the command line. Policy has one door" in result.stdout + result.stderr


def test_a_host_without_a_part_is_told_why(tmp_path: Path) -> None:
    """A play that forgot to judge, and one about somebody alone, hand nothing out."""
    for number, judged in enumerate(("", "    - {haechi.guard.policy: {needs: []}, run_once: true}\n")):
        path = tmp_path / f"{number}.yml"
        path.write_text(f"- hosts: gw1\n  gather_facts: false\n  tasks:\n{judged}    - haechi.guard.desired:\n")
        result = run(path, state=tmp_path)

        assert result.returncode == 2
        assert "there is no part for gw1" in result.stdout


def test_a_role_s_variable_of_the_wrong_kind_stops_the_site_before_any_host(tmp_path: Path) -> None:
    """Each role would say so itself, in the middle of the run and with a task of its own on every host."""
    wrong = ("-e", '{"baseline_umask": ["027"], "baseline_sysctl": "net.ipv4.ip_forward"}')
    result = run(ROOT / "playbooks/site.yml", "--limit", "db1", "--tags", "baseline", *wrong, state=tmp_path)

    assert result.returncode == 2
    said = result.stdout + result.stderr
    assert "variables of the roles are not as their argument specs say" in said
    assert "baseline: argument 'baseline_sysctl' is of type str and we were unable to convert to dict" in said
    assert "UNREACHABLE" not in said
