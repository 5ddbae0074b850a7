"""A site that real ansible-playbook runs on, all its hosts this machine, with a stand-in for the offboarding."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from haechi.hr.work.order import Order
from haechi.hr.work.runner import RunnerExecutor

NONCE = "0123456789abcdef0123456789abcdef"
RUN = "20260101T000000Z-offboard-aaaaaa"
# Ends as an offboarding does that did not prove everything.
TELL = """
- name: Stand in for the offboarding
  hosts: managed
  gather_facts: false
  tasks:
    - name: Tell
      ansible.builtin.debug:
        msg: "{{ lookup('pipe', ansible_playbook_python ~ ' ' ~ playbook_dir ~ '/tell.py ' ~ person ~ ' ' ~ nonce) }}"
      run_once: true

    - name: End
      ansible.builtin.fail: {msg: "not proven on b"}
      run_once: true
"""
# Writes the records that a real one would, what it was called with in them, and what it sees around it.
TELLER = """
import json, os, pathlib, sys
here, folder = pathlib.Path(__file__).parent, pathlib.Path(os.environ["HAECHI_OFFBOARD_JSON"]).parent
told, (person, nonce) = json.loads((here / "told.json").read_text()), sys.argv[1:]
record = {"schema": 1, "check": False, "person": person, "nonce": nonce, "hosts": told["hosts"]}
(folder / "record.json").write_text(json.dumps(record))
if told["evidence"]:
    pathlib.Path(os.environ["HAECHI_EVIDENCE_JSON"]).write_text(json.dumps(told["evidence"]))
if told["full"]:
    (folder / "said").symlink_to("/dev/full")
saw = {"environment": dict(os.environ), "files": [str(path) for path in folder.rglob("*")]}
(here / f"saw-{person}.json").write_text(json.dumps(saw))
"""
# Says that it is there, and stays.
STAY = """
- name: Stay
  hosts: managed
  gather_facts: false
  tasks:
    - name: Stay
      ansible.builtin.shell: "echo $$ > {{ playbook_dir }}/pid && exec sleep 600"
      run_once: true
"""
DENIED = {"status": "denied", "reasons": [], "shut_s": 1.5, "denied_s": 2.5}


@dataclass(frozen=True)
class Site:
    """A folder with an inventory, a playbook, and a place for private folders."""

    folder: Path

    def playbook(self, text: str, hosts: Mapping[str, Any] | None = None, *, full: bool = False) -> None:
        """Write the playbook, and what it tells of each host; ``full`` lets nobody note what Ansible says."""
        (self.folder / "play.yml").write_text(text)
        (self.folder / "tell.py").write_text(TELLER)
        # Where the real callback has something to tell of the evidence, the stand-in tells nothing.
        evidence = None if "haechi.guard.policy" in text else {"run": RUN, "problem": ""}
        (self.folder / "told.json").write_text(json.dumps({"hosts": hosts or {}, "evidence": evidence, "full": full}))

    def executor(self, limit_s: float = 60.0) -> RunnerExecutor:
        """Return the executor under test."""
        return RunnerExecutor(self.folder / "inventory", self.folder / "play.yml", limit_s, self.folder / "private")

    def saw(self, person: str) -> tuple[dict[str, str], list[str]]:
        """Return the environment and the private files that the playbook saw."""
        saw = json.loads((self.folder / f"saw-{person}.json").read_text())
        return saw["environment"], saw["files"]

    @property
    def private(self) -> list[str]:
        """Return what is left of private folders."""
        return [path.name for path in (self.folder / "private").iterdir()]


def order(*hosts: str, person: str = "hana", nonce: str = NONCE) -> Order:
    """Return an order."""
    return Order(person=person, hosts=hosts, nonce=nonce)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site of three hosts, a, b and c."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    managed = {"managed": {"hosts": {"a": {}, "b": {}, "c": {}}, "vars": local}}
    (tmp_path / "inventory").mkdir()
    (tmp_path / "private").mkdir()
    (tmp_path / "inventory/hosts.yml").write_text(yaml.safe_dump(managed))
    return Site(tmp_path)
