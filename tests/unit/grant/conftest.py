"""The lab's policy with people who have real keys, and ways to ask, sign and approve as they do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from haechi.grant import APPROVAL, REQUEST, desk
from haechi.grant.document import Approval, Request
from tests.unit import labsite

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
class Site(labsite.Site):
    """A site at whose desk privilege is asked for."""

    def desk(self) -> desk.Desk:
        """Return where privilege is asked for, as policy and leavers are now."""
        return desk.at(self.inventory)

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
    return labsite.pairs(tmp_path_factory.mktemp("keys"), PEOPLE)


@pytest.fixture
def site(tmp_path: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Return the lab's policy with real keys of people, beside an empty state folder."""
    made = Site(tmp_path / "lab", pairs, tmp_path / "state/lab")
    labsite.fill(made, tuple(who for who in PEOPLE if who != "outsider"), monkeypatch)
    made.set("privilege", privilege=POLICY)
    return made
