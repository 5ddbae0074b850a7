"""From evidence as a playbook leaves it to the files an auditor takes away."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from haechi import policy as policies
from haechi import runs
from haechi.cli import main
from haechi.controls.model import Status
from haechi.evidence import EvidenceError, canonical, keys
from haechi.evidence.answers import body
from haechi.evidence.store import Store
from haechi.policy.models import Policy
from haechi.policy.resolve import managed
from haechi.report import source
from haechi.report.model import Stored
from tests.project.conftest import ROOT

INVENTORY = ROOT / "inventories/example"


@pytest.fixture(scope="module")
def policy() -> Policy:
    return policies.load(INVENTORY).policy


class Site:
    """A site's evidence, in which audits are made as the playbook makes them."""

    def __init__(self, state: Path, policy: Policy) -> None:
        """Take the state folder, and the policy that the audits are of."""
        self.minute = 0
        self.policy = policy
        self.store = Store(state, clock=self.clock)
        self.folder = self.store.path

    def clock(self) -> datetime:
        """Return a time that goes on from audit to audit."""
        return datetime(2026, 11, 23, 1, self.minute, tzinfo=UTC)

    def audit(self, hosts: tuple[str, ...], status: str = "pass", *, whole: bool = True, close: bool = True) -> str:
        """Make an audit of some hosts, in which one control has the same status on all of them."""
        self.minute += 1
        document = runs.begin(self.policy, frozenset(), self.folder.parent)
        snapshot = self.store.put(canonical.dumps(document.pop("policy")))
        writer = self.store.begin("audit", {**document, "verb": "audit", "policy": snapshot}, snapshot)
        for host in hosts:
            writer.add("posture", body(host, {"kind": "posture", "subject": host}))
        for subject in (*hosts, *(("site",) if whole else ())):
            said: dict[str, Any] = {"seen": "x", "expected": "y", "waiver": None}
            writer.add("verdict", {"control": "U-01", "subject": subject, "status": status, **said})
        if close:
            writer.close({"hosts": {}})
        writer.release()
        return writer.run

    def load(self, run: str | None = None) -> Stored:
        """Load a run with the site's own public key."""
        return source.load(self.folder, keys.public_key(self.folder / "key.pub"), run)

    def rewrite(self, run: str, change: Callable[[bytes], bytes]) -> None:
        """Change a run's records behind the back of the store."""
        path = self.folder / "runs" / run / "records.jsonl"
        path.write_bytes(change(path.read_bytes()))


@pytest.fixture
def site(tmp_path: Path, policy: Policy) -> Site:
    return Site(tmp_path / "state", policy)


def test_the_last_audit_of_the_whole_fleet_is_loaded(site: Site) -> None:
    """A later look at one host does not push aside the audit of all, and stands in no trend."""
    first = site.audit(managed(site.policy), "fail")
    site.audit(managed(site.policy)[:1], whole=False)
    last = site.audit(managed(site.policy))
    site.audit(managed(site.policy)[:1], whole=False)
    stored = site.load()

    assert stored.meta.run == last
    assert stored.meta.title == site.policy.site.title
    assert stored.meta.policy_sha256 == canonical.digest(
        canonical.dumps(site.policy.model_dump(mode="json", by_alias=True))
    )
    assert stored.expected == stored.observed == tuple(sorted(managed(site.policy)))
    assert [one.run for one in stored.earlier] == [first]
    assert stored.earlier[0].counts["fail"] == len(managed(site.policy)) + 1
    assert [waiver.id for waiver in stored.waivers] == ["backup-suid"]


def test_a_run_is_loaded_by_its_name(site: Site) -> None:
    """A part of the fleet can be reported too; the hosts that were not asked are not observed."""
    site.audit(managed(site.policy))
    part = site.audit(managed(site.policy)[:1], whole=False)
    stored = site.load(part)

    assert (len(stored.expected), stored.observed) == (len(managed(site.policy)), managed(site.policy)[:1])


def test_a_host_of_which_all_is_unknown_was_not_observed(site: Site) -> None:
    """An answer that no judge could use counts as no observation."""
    site.audit(managed(site.policy), "unknown")

    assert site.load().observed == ()


def test_verdicts_and_answers_name_their_records(site: Site) -> None:
    """The hash of a record is the one by which its follower names it."""
    run = site.audit(managed(site.policy)[:1])
    stored = site.load(run)
    lines = (site.folder / "runs" / run / "records.jsonl").read_bytes().splitlines()
    (posture,) = stored.records[managed(site.policy)[0]]
    verdict = stored.rows[0].record

    assert (posture.kind, posture.sequence, verdict.kind, verdict.sequence) == ("posture", 2, "verdict", 3)
    assert json.loads(lines[2])["prev"] == posture.sha256
    assert json.loads(lines[3])["prev"] == verdict.sha256


def test_a_signed_run_is_verified(site: Site) -> None:
    """The report names the checkpoint that closes the run."""
    run = site.audit(managed(site.policy))
    stored = site.load()
    line = (site.folder / "runs" / run / "checkpoint.json").read_bytes()

    assert stored.meta.verified is True
    assert stored.meta.checkpoint.sequence == 1
    assert stored.meta.checkpoint.sha256 == canonical.digest(line.rstrip(b"\n"))


def test_an_open_run_is_not_verified(site: Site) -> None:
    """Nobody signed where it ends: that is neither whole nor broken."""
    site.audit(managed(site.policy), close=False)

    assert site.load().meta.verified is None
    assert site.load().meta.checkpoint is None


def test_a_changed_record_is_seen(site: Site) -> None:
    """A verdict that somebody turned is reported with its run called broken."""
    run = site.audit(managed(site.policy), "fail")
    site.rewrite(run, lambda data: data.replace(b'"status":"fail"', b'"status":"pass"', 1))

    assert site.load().meta.verified is False
    assert site.load().rows[0].status is Status.PASS


def test_a_run_that_the_log_does_not_name_is_broken(site: Site) -> None:
    """A signed run whose line was taken out of the site log is not called whole."""
    site.audit(managed(site.policy))
    (site.folder / "site.jsonl").write_bytes(b"")

    assert site.load().meta.verified is False


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (None, "no audit is on record"),
        ("../../etc/x", "is no name of a run"),
        ("20261123T010000Z-audit-000000", "holds no verdict"),
    ],
)
def test_what_is_no_audit_is_refused(site: Site, run: str | None, words: str) -> None:
    """The reason is said in words."""
    site.audit((), whole=False)

    with pytest.raises(EvidenceError, match=words):
        site.load(run)


def test_a_policy_that_was_swapped_is_refused(site: Site) -> None:
    """The hosts that were expected come from the policy of the run, and from no other."""
    site.audit(managed(site.policy))
    (snapshot,) = (site.folder / "objects").iterdir()
    snapshot.write_bytes(b"{}")

    with pytest.raises(EvidenceError, match="altered"):
        site.load()


def test_the_verb_writes_its_files(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verb prints where the page, the sheets and OSCAL are."""
    site.audit(managed(site.policy))
    out = tmp_path / "out"

    assert main(["report", "--evidence", str(site.folder), "--out", str(out)]) == 0
    assert capsys.readouterr().out.split() == [
        str(out / "report.html"),
        str(out / "verdicts.csv"),
        str(out / "privileged.csv"),
        str(out / "oscal-assessment-results.json"),
    ]
    with (out / "verdicts.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.reader(file))) == len(managed(site.policy)) + 2
    assert "검증됨" in (out / "report.html").read_text(encoding="utf-8")


def test_the_verb_says_when_the_evidence_is_broken(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report is made, says so itself, and the verb ends with 1."""
    run = site.audit(managed(site.policy), "fail")
    site.rewrite(run, lambda data: data.replace(b'"seen":"x"', b'"seen":"z"', 1))
    arguments = ["report", "--evidence", str(site.folder), "--out", str(tmp_path / "out"), "--format", "html"]

    assert main(arguments) == 1
    assert "BROKEN" in capsys.readouterr().err
    assert "검증 실패" in (tmp_path / "out/report.html").read_text(encoding="utf-8")


def test_the_verb_without_an_audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to report, which is not the same as a good report."""
    assert main(["report", "--evidence", str(tmp_path), "--out", str(tmp_path / "out")]) == 3
    assert capsys.readouterr().err != ""
    assert not (tmp_path / "out").exists()
