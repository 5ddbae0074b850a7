"""The lab's policy with people who have real keys, and the command line as an operator types it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from haechi import cli
from haechi.hr.console import place
from haechi.hr.console.place import Place
from haechi.hr.ledger import Ledger, leases, open_ledger, views
from haechi.hr.ledger.views import RevocationView
from haechi.hr.work.order import HostResult, Seen
from tests.unit import labsite

PEOPLE = ("jisoo", "minho", "hana", "sora", "yeon")
HR = {
    "sources": [
        {"name": "idp", "kind": "scim"},
        {"name": "payroll", "kind": "webhook"},
        {"name": "monthly", "kind": "roster", "signers": ["jisoo"], "folder": "/srv/roster"},
    ],
    "breaker": {"people": 2, "percent": 100, "approvers": ["operator"]},
}


@dataclass(frozen=True)
class Site(labsite.Site):
    """A site whose HR service is asked on the command line."""

    def hr(self, *words: str) -> int:
        """Type ``haechi hr ..``; return the exit code."""
        verb, rest = words[:1], words[1:]
        if verb[0] in {"approve", "retire-host"}:
            verb, rest = words[:2], words[2:]
        return cli.main(["hr", *verb, "-i", str(self.inventory), *rest])

    def place(self) -> Place:
        """Return the service's place, as the command line opens it."""
        return place.at(self.inventory)

    @property
    def ledger(self) -> Ledger:
        """Return the ledger itself, as another process opens it."""
        return open_ledger(self.state / "hr/ledger.sqlite")

    def leavings(self) -> tuple[RevocationView, ...]:
        """Return the leavings on record, newest first."""
        return self.ledger.read(views.revocations)

    def seen(self, number: int, seen: Seen, hosts: tuple[str, ...] = ()) -> None:
        """Let a run see hosts, all if none is named."""
        ledger = self.ledger
        held = ledger.write(leases.lease, number, "worker", 60)
        assert held is not None
        told = {host: HostResult(seen=seen, proven_s=0.0) for host in hosts or held.hosts}
        ledger.write(leases.record, held, told, [host for host in held.hosts if host not in told])

    def sign(self, path: Path, who: str, namespace: str) -> None:
        """Sign a document as a person does on her own machine."""
        path.with_name(f"{path.name}.sig").write_bytes(self.signature(who, path.read_bytes(), namespace))

    def change(self, path: Path, **values: Any) -> None:
        """Alter a document after it was written."""
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}, sort_keys=True, separators=(",", ":")))


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a key pair of each person."""
    return labsite.pairs(tmp_path_factory.mktemp("keys"), PEOPLE)


@pytest.fixture
def site(tmp_path: Path, pairs: Path, empty: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Return the lab's policy with real keys of people, beside a state folder with an empty ledger."""
    made = Site(tmp_path / "lab", pairs, tmp_path / "state/lab")
    (made.state / "hr").mkdir(mode=0o700, parents=True)
    shutil.copy(empty, made.state / "hr")
    labsite.fill(made, PEOPLE, monkeypatch)
    made.set("hr", hr=HR)
    monkeypatch.chdir(tmp_path)
    return made
