"""The lab's policy with people who have real keys, and ways to ask, sign and approve as they do."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from haechi.grant import APPROVAL, REQUEST, desk
from haechi.grant.document import Approval, Request
from tests.unit.controls import world

PEOPLE = ("jisoo", "minho", "hana", "sora", "yeon", "outsider")
POLICY = {"jobs": ["operator", "auditor"], "quorum": 1, "longest_minutes": 240, "root_shell": False}
WISH: dict[str, Any] = {
    "person": "jisoo",
    "hosts": ("app1",),
    "commands": ("/usr/bin/systemctl restart nginx",),
    "root_shell": False,
    "children": False,
    "reason": "ticket 4711",
}


@dataclass(frozen=True)
class Site:
    """A site in a folder of its own."""

    inventory: Path
    keys: Path
    state: Path

    def desk(self) -> desk.Desk:
        """Return where privilege is asked for, as policy and leavers are now."""
        return desk.at(self.inventory)

    def set(self, file: str, **names: Any) -> None:
        """Write a file of policy."""
        (self.inventory / f"group_vars/all/policy/{file}.yml").write_text(yaml.safe_dump(names, allow_unicode=True))

    def signature(self, who: str, text: bytes, namespace: str) -> bytes:
        """Sign as a person does, with ssh-keygen."""
        command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(self.keys / who)]
        return subprocess.run(command, input=text, capture_output=True, check=True).stdout

    def document(self, **changes: Any) -> Request:
        """Return a request as ``haechi request write`` makes it; a window is minutes from now."""
        begins, ends = changes.pop("window", (0, 30))
        now = datetime.now(UTC)
        times = {"begins": now + timedelta(minutes=begins), "ends": now + timedelta(minutes=ends)}
        return desk.request(self.desk(), desk.Wish(**{**WISH, **times, **changes}))

    def ask(self, by: str = "", **changes: Any) -> Request:
        """Ask, sign, and have it taken."""
        asked = self.document(**changes)
        signature = self.signature(by or asked.person, asked.text(), REQUEST)
        return desk.take_request(self.desk(), asked.text(), signature)[0]

    def approve(self, request: Request, who: str, by: str = "", **changes: Any) -> Approval:
        """Approve, sign, and have it taken; a change is made before the signature."""
        said, _ = desk.approval(self.desk(), request.id, who)
        said = said.model_copy(update=changes)
        return desk.take_approval(self.desk(), said.text(), self.signature(by or who, said.text(), APPROVAL))[0]


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a key pair of each person."""
    folder = tmp_path_factory.mktemp("keys")
    for who in PEOPLE:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{who}@lab", "-f", str(folder / who)]
        subprocess.run(command, check=True)
    return folder


@pytest.fixture
def site(tmp_path: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Return the lab's policy with real keys of people, beside an empty state folder."""
    monkeypatch.setenv("HAECHI_STATE_DIR", str(tmp_path / "state"))
    inventory = tmp_path / "lab"
    shutil.copytree(world.ROOT / "inventories/lab", inventory, ignore=shutil.ignore_patterns("keys.yml", ".*"))
    policy = inventory / "group_vars/all/policy"
    lines = (policy / "site.yml").read_text().splitlines(keepends=True)
    (policy / "site.yml").write_text("".join(line for line in lines if "evidence_copy" not in line))
    made = Site(inventory, pairs, tmp_path / "state/lab")
    keys = {who: [(pairs / f"{who}.pub").read_text().strip()] for who in PEOPLE if who != "outsider"}
    keys |= {who: [f"ssh-ed25519 {world.key(who)}"] for who in ("haechi", "sentinel", "tae")}
    made.set("keys", keys=keys)
    made.set("privilege", privilege=POLICY)
    return made
