"""What a run showed is kept before the ledger says so, and the bundle names it by its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from haechi.evidence import keys
from haechi.evidence.store import Store
from haechi.hr.envelope import Envelope
from haechi.hr.ledger import Ledger, events, leases, open_ledger, revocations, views
from haechi.hr.ledger.states import EventState, RevocationState
from haechi.hr.ledger.views import RevocationView
from haechi.hr.proof import bundle
from haechi.hr.proof.witness import Bundles
from haechi.hr.signals import Act
from haechi.hr.work.order import HostResult, Order, Outcome, Seen
from haechi.hr.work.ports import WitnessError
from haechi.policy.provisioning import SourceKind
from tests.unit.hr.proof import samples

PROVEN = HostResult(seen=Seen.PROVEN, shut_s=1.0, proven_s=2.0, record=samples.DENIED)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = open_ledger(tmp_path / "ledger.sqlite")
    yield made
    made.close()


@pytest.fixture
def bundles(ledger: Ledger, tmp_path: Path) -> Bundles:
    return Bundles(site="lab", state=tmp_path / "state", ledger=ledger)


def worked(ledger: Ledger, bundles: Bundles, **results: HostResult) -> RevocationView:
    """Return a leaving on gw1 and app1 after one run, which the ledger and the witness saw, and an evidence of it."""
    store = Store(bundles.state)
    writer = store.begin("offboard", {}, store.put(b"{}"))
    writer.close({})
    message = Envelope(id="e" * 64, source="hr", kind=SourceKind.WEBHOOK, received=samples.AT, body=b"a message")
    event = ledger.write(events.append, message, EventState.ACCEPTED)
    asked = revocations.Asked(
        person="hana", epoch=1, act=Act.LEAVE, reason="left", effective=samples.AT, state=RevocationState.OPEN
    )
    number = ledger.write(revocations.begin, asked, event, ("gw1", "app1"))
    held = ledger.write(leases.lease, number, "me", 60.0)
    assert held is not None
    outcome = Outcome(hosts=results, document={"evidence": writer.run, "hosts": {"gw1": {"name": "\udcff"}}})
    bundles.ran(number, Order(person="hana", hosts=held.hosts, nonce=held.nonce), outcome)
    ledger.write(leases.record, held, results)
    return ledger.read(views.revocation, number)


def verified(bundles: Bundles, row: RevocationView) -> bundle.Verified:
    key = keys.public_key(bundles.state / "evidence/key.pub")
    return bundle.verify(bundles.path(row).read_bytes(), key)


def test_a_closed_revocation_has_a_bundle_that_names_its_runs(ledger: Ledger, bundles: Bundles) -> None:
    """Record, evidence and policy of the run that proved it, by the site's own key."""
    row = worked(ledger, bundles, gw1=PROVEN, app1=PROVEN)
    bundles.closed(row)

    found = verified(bundles, row)
    [record] = (bundles.state / "hr/runs" / str(row.number)).iterdir()
    assert found.predicate["verdict"] == "proven"
    assert found.statement["subject"][0] == {
        "name": f"runs/{record.name}",
        "digest": {"sha256": hashlib.sha256(record.read_bytes()).hexdigest()},
    }
    assert found.statement["subject"][1]["digest"]["sha256"] == hashlib.sha256(b"a message").hexdigest()
    [run] = found.predicate["runs"]
    assert (run["checkpoint"], run["policy_sha256"]) == (1, hashlib.sha256(b"{}").hexdigest())
    assert run["evidence"].endswith(tuple(f"-offboard-{name[-6:]}" for name in Store(bundles.state).runs()))
    assert bundle.missing_records(found, record.parent) == []
    assert json.loads(record.read_text(errors="surrogatepass"))["seen"] == {"gw1": "proven", "app1": "proven"}
    assert bundles.path(row).stat().st_mode & 0o077 == 0


def test_an_open_revocation_has_a_bundle_that_says_so(ledger: Ledger, bundles: Bundles) -> None:
    """On paper too."""
    row = worked(ledger, bundles, gw1=PROVEN, app1=HostResult(seen=Seen.UNREACHABLE, reasons=("timed out",)))
    path = bundles.write(row)

    found = verified(bundles, row)
    assert (found.predicate["verdict"], found.predicate["counts"]["open"]) == ("open", 1)
    assert "not finished. Denial is not proven on 1 of 2 hosts" in path.with_suffix(".html").read_text()


def test_without_its_stamp_a_bundle_is_there_and_not_done(ledger: Ledger, bundles: Bundles) -> None:
    """The worker comes again; meanwhile the bundle can be shown."""
    row = worked(ledger, bundles, gw1=PROVEN, app1=PROVEN)
    away = Bundles(site="lab", state=bundles.state, ledger=ledger, authority="http://127.0.0.1:1/")

    with pytest.raises(WitnessError, match=r"no time stamp from http://127\.0\.0\.1:1/"):
        away.closed(row)
    assert verified(bundles, row).stamped is None


def test_evidence_that_cannot_be_kept_is_said_to_be(ledger: Ledger, bundles: Bundles) -> None:
    """Then the run does not count (`haechi.hr.work.worker`)."""
    worked(ledger, bundles, gw1=PROVEN)
    (bundles.state / "hr/runs/8").write_text("no folder")

    with pytest.raises(WitnessError, match="runs/8"):
        bundles.ran(8, Order(person="hana", hosts=("gw1",), nonce="c" * 32), Outcome(hosts={}))


def test_the_run_of_another_controller_is_not_made_up(ledger: Ledger, bundles: Bundles) -> None:
    """Its record lies there; the verdict is the ledger's all the same."""
    row = worked(ledger, bundles, gw1=PROVEN, app1=PROVEN)
    for path in (bundles.state / "hr/runs" / str(row.number)).iterdir():
        path.unlink()
    bundles.closed(row)

    found = verified(bundles, row)
    assert (found.predicate["verdict"], found.predicate["runs"]) == ("proven", [])
    assert [subject["name"] for subject in found.statement["subject"]] == ["event"]


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"record": 1}'])
def test_an_altered_record_shows_in_its_digest(ledger: Ledger, bundles: Bundles, text: str) -> None:
    """And keeps no bundle from being written."""
    row = worked(ledger, bundles, gw1=PROVEN, app1=PROVEN)
    [record] = (bundles.state / "hr/runs" / str(row.number)).iterdir()
    record.write_text(text)
    bundles.closed(row)

    found = verified(bundles, row)
    assert found.predicate["runs"][0]["evidence"] is None
    assert found.statement["subject"][0]["digest"]["sha256"] == hashlib.sha256(text.encode()).hexdigest()
