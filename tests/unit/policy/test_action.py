"""The action ``policy`` in real plays, on hosts that nobody answers for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# What is seen of a play that forgot to judge, of one about somebody alone, and of one that did as it should, and of the
# same under --check; a start of Ansible is most of the time that any of them takes.
PLAY = """
- name: Forgot to judge
  hosts: gw1
  gather_facts: false
  tasks:
    - haechi.guard.desired:
      ignore_errors: true

- name: Judged for somebody alone
  hosts: gw1
  gather_facts: false
  tasks:
    - {haechi.guard.policy: {needs: []}, run_once: true}
    - haechi.guard.desired:
      ignore_errors: true

- &whole
  name: For real
  hosts: managed
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

- <<: *whole
  name: In check mode
  check_mode: true
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what Ansible said in each play, for a part of the fleet and as talkative as can be."""
    folder = tmp_path_factory.mktemp("play")
    path = folder / "play.yml"
    path.write_text(PLAY)
    result = run(path, "-vvv", "--limit", "gw1,db1", state=folder)

    assert result.returncode == 0, result.stdout + result.stderr
    _, *plays = re.split(r"^PLAY \[(.*)\] \**$", result.stdout.partition("PLAY RECAP")[0], flags=re.MULTILINE)
    return dict(zip(plays[::2], plays[1::2], strict=True))


def run(playbook: Path, *arguments: str, state: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).parent / "ansible-playbook", "-i", ROOT / "inventories/example", playbook]
    environment = os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "HAECHI_STATE_DIR": str(state)}
    environment |= {"ANSIBLE_STDOUT_CALLBACK": "default", "ANSIBLE_FORCE_COLOR": "0"}
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize("play", ["For real", "In check mode"])
def test_every_host_of_the_play_gets_its_documents_and_none_is_contacted(said: dict[str, str], play: str) -> None:
    """Its own alone; judged once, in check mode and for a part of the fleet too; the addresses lead nowhere."""
    for host in ("gw1", "db1"):
        roles = "accounts baseline break_glass edge firewall firmware ids mfa offboarding pki prove recorder sshd vpn"
        assert f'{host} has {roles} of {host}"' in said[play]
    assert "edge1" not in said[play]


def test_documents_are_not_printed_however_much_is_asked_for(said: dict[str, str]) -> None:
    """One of them holds the hash of the sealed account's password; the hosts get them all the same."""
    assert "db1 has accounts" in said["For real"]
    assert [play for play, text in said.items() if "policy drop;" in text] == []


@pytest.mark.parametrize("play", ["Forgot to judge", "Judged for somebody alone"])
def test_a_host_without_a_part_is_told_why(said: dict[str, str], play: str) -> None:
    """A play that forgot to judge, and one about somebody alone, hand nothing out."""
    assert "there is no part for gw1" in said[play]


@pytest.mark.exhaustive
def test_a_policy_name_by_extra_vars_stops_the_play(tmp_path: Path) -> None:
    """The door that Ansible opens to everybody stays shut."""
    result = run(ROOT / "playbooks/validate.yml", "-e", '{"flows": []}', state=tmp_path)

    assert result.returncode == 2
    assert "-e: flows: policy name flows set on the command line. Policy has one door" in result.stdout + result.stderr


@pytest.mark.exhaustive
def test_a_role_s_variable_of_the_wrong_kind_stops_the_site_before_any_host(tmp_path: Path) -> None:
    """Each role would say so itself, in the middle of the run and with a task of its own on every host."""
    wrong = ("-e", '{"baseline_umask": ["027"], "baseline_sysctl": "net.ipv4.ip_forward"}')
    result = run(ROOT / "playbooks/site.yml", "--limit", "db1", "--tags", "baseline", *wrong, state=tmp_path)

    assert result.returncode == 2
    said = result.stdout + result.stderr
    assert "variables of the roles are not as their argument specs say" in said
    assert "baseline: argument 'baseline_sysctl' is of type str and we were unable to convert to dict" in said
    assert "UNREACHABLE" not in said
