"""The lab's nine hosts as they were seen, people with real keys, and a review of it on record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from haechi import auditrun, runs
from haechi.cli import review as verb
from haechi.evidence import FOLDER
from haechi.evidence.recorder import CARRIED, Event, Recorder
from haechi.keylines import fingerprints
from haechi.policy.models import Policy
from haechi.policy.resolve import managed
from haechi.review import NAMESPACE, build, signing
from haechi.review.document import Decision
from haechi.review.model import Review
from tests.unit import labsite
from tests.unit.controls import world

CORRECT = {"all": Decision(decision="correct", note="the role puts it right")}
PEOPLE = ("jisoo", "minho", "sora", "hana", "outsider")
# What a review looks at; the rest of a posture is 100 kB that every record would carry.
LOOKED_AT = {"host", "accounts", "keys", "sshd", "sudo"}


@dataclass(frozen=True)
class Site(labsite.Site):
    """A site whose access is reviewed; ``changes`` are what its hosts show otherwise."""

    changes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def desk(self) -> signing.Desk:
        """Return where its reviews are signed."""
        return verb.desk(self.inventory)

    @property
    def folder(self) -> Path:
        """Return its evidence."""
        return self.state / FOLDER

    def signature(self, who: str, text: bytes, namespace: str = NAMESPACE) -> bytes:
        """Sign as a person does, for what a reviewer signs."""
        return super().signature(who, text, namespace)

    def answers(self, policy: Policy, nonce: str, silent: Iterable[str] = ()) -> dict[str, dict[str, Any]]:
        """Return what nine hosts answered; the two stored ones stand for all of their kind."""
        found: dict[str, dict[str, Any]] = {}
        for host in managed(policy):
            like = world.answer("db1" if host == "db1" else "app1")
            kept = {name: seen for name, seen in world.sections(like).items() if name in LOOKED_AT}
            like = {"observation": {**like["observation"], "data": {"sections": kept}}, "probes": []}
            text = json.dumps(world.edited(like, self.changes.get(host, []))["observation"])
            for who in ("jisoo", "minho"):
                text = text.replace(world.print_of(who), next(fingerprints([self.public(who)])))
            found[host] = {"observation": {**json.loads(text), "subject": host, "nonce": nonce}, "probes": []}
        return found | {host: {"unknown": "unreachable: timed out"} for host in silent}

    def review(self, silent: Iterable[str] = (), hosts: Iterable[str] | None = None) -> tuple[str, Review]:
        """Make a review as the playbook does, and return its run and what it says."""
        desk = self.desk()
        document = json.loads(json.dumps(runs.begin(desk.policy, desk.revoked, desk.state)))
        answers = self.answers(desk.policy, document["nonce"], silent)
        answers = {host: answers[host] for host in hosts or answers}
        review = build.build(runs.read(document), answers)
        recorder = Recorder("review")
        recorder.begin(document, self.inventory, check=False)
        name = recorder.run
        for host, answer in answers.items():
            recorder.saw(told(host, auditrun.seen(answer)))
        recorder.saw(told("app1", [{"kind": "review", "body": review.record()}]))
        recorder.close({})
        assert (recorder.problem, recorder.warning) == ("", "")
        return name, review


def told(host: str, rows: list[Mapping[str, Any]]) -> Event:
    return Event(task="Look", host=host, module="haechi.guard.audit", outcome="ok", result={CARRIED: rows})


def signed(site: Site, who: str, by: str = "", **changes: Any) -> tuple[bytes, bytes]:
    """Return the document that a person prepares, changed before it is signed, and the signature."""
    said = signing.prepare(site.desk(), who, CORRECT)
    text = said.model_copy(update=changes).text()
    return text, site.signature(by or who, text)


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a key pair of each person."""
    return labsite.pairs(tmp_path_factory.mktemp("keys"), PEOPLE)


@pytest.fixture
def site(tmp_path: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Return the lab's policy with real keys of people, beside an empty state folder; hana is about to have left."""
    made = Site(tmp_path / "lab", pairs, tmp_path / "state/lab")
    labsite.fill(made, tuple(who for who in PEOPLE if who != "outsider"), monkeypatch)
    # When the hosts were looked at, no account was sealed on them.
    (made.policy / "break_glass.yml").unlink()
    people = (made.policy / "identities.yml").read_text()
    for who, state in (("hana", "disabled"), ("seal", "absent")):
        people = people.replace(f"{{id: {who},", f"{{id: {who}, state: {state}, since: 2026-11-20,")
    (made.policy / "identities.yml").write_text(people)
    return made
