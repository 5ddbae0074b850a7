"""Sign-offs on record: which hold, what an audit says of them, and that it says so again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from haechi import audit, auditrun, runs
from haechi.cli import main
from haechi.controls.judging import Judged
from haechi.evidence import EvidenceError, canonical
from haechi.evidence.recorder import Recorder
from haechi.evidence.store import RECORDS
from haechi.review import document, signing, stored
from haechi.review.document import Decision, SignOff

from .conftest import Site, signed, told


def judged(site: Site) -> Judged:
    """Return the verdict of an audit of no host but the record of sign-offs."""
    desk = site.desk()
    run = runs.read(json.loads(json.dumps(runs.begin(desk.policy, desk.revoked, desk.state))))
    rows = audit.judge(run, site.answers(desk.policy, run.nonce), auditrun.registers(run))
    return next(row for row in rows if row.control == "access-reviewed")


def test_two_people_sign_and_the_control_holds(site: Site) -> None:
    """Never signed, signed by one, signed by two: fail, fail, pass, with date, reviewers and hash as what was seen."""
    run, review = site.review()
    assert judged(site).verdict.status == "fail"
    assert "no access review was ever signed" in judged(site).verdict.seen

    first = signing.accept(site.desk(), *signed(site, "jisoo"))

    assert first.lacking == ("jisoo",)
    assert f"{run} is signed by jisoo alone: nobody else looked at jisoo's access" in judged(site).verdict.seen

    second = signing.accept(site.desk(), *signed(site, "minho"))

    assert second.lacking == ()
    said = judged(site).verdict
    assert (said.status, f"{run} (sha256 {review.sha256[:16]}) signed on " in said.seen) == ("pass", True)
    assert " by jisoo and minho, counts until " in said.seen


def test_a_stored_audit_says_the_same_again_after_the_sign_offs_are_gone(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """The audit keeps what it read, so a year later it is judged from its own record alone."""
    site.review()
    for who in ("jisoo", "minho"):
        signing.accept(site.desk(), *signed(site, who))
    desk = site.desk()
    begun = json.loads(json.dumps(runs.begin(desk.policy, desk.revoked, desk.state)))
    recorder = Recorder("audit")
    recorder.begin(begun, site.inventory, check=False)
    name, run, answers = recorder.run, runs.read(begun), site.answers(desk.policy, begun["nonce"])
    kept = auditrun.registers(run)
    for host, answer in answers.items():
        recorder.saw(told(host, auditrun.seen(answer)))
    rows = [row.document() for row in audit.judge(run, answers, kept)]
    said = [("record", row) for row in kept] + [("verdict", row) for row in rows]
    recorder.saw(told("app1", [{"kind": kind, "body": body} for kind, body in said]))
    recorder.close({})
    for gone in stored.names(site.folder, stored.VERB):
        (site.folder / "runs" / gone / RECORDS).unlink()
        (site.folder / "runs" / gone / "checkpoint.json").unlink()
        (site.folder / "runs" / gone).rmdir()

    assert judged(site).verdict.status == "fail"
    assert next(row["status"] for row in rows if row["control"] == "access-reviewed") == "pass"
    assert main(["judge", "--again", name, "-i", str(site.inventory)]) == 0
    assert "0 not as they were" in capsys.readouterr().out


def test_a_sign_off_that_was_forged_with_the_site_s_key_does_not_hold(site: Site) -> None:
    """Root on the control node can write a run that verifies; he cannot write a person's signature."""
    site.review()
    text, signature = signed(site, "jisoo")
    forged = document.read(text).model_copy(update={"reviewer": "minho"}).text()
    body = {"document": forged.decode(), "signature": signature.decode(), "key": "SHA256:x"}
    signing._record(site.desk(), body)

    held, faults = stored.sign_offs(site.folder)

    assert held == []
    assert len(faults) == 1
    assert "the signature is not minho's" in faults[0]
    assert judged(site).verdict.status == "fail"


def test_an_altered_sign_off_does_not_hold(site: Site) -> None:
    """Its run no longer ends as the site's key signed it."""
    site.review()
    taken = signing.accept(site.desk(), *signed(site, "jisoo"))
    file = site.folder / "runs" / taken.run / RECORDS
    file.write_text(file.read_text().replace("the role puts it right", "the role puts it wrong"))

    held, faults = stored.sign_offs(site.folder)

    assert (held, faults) == ([], [f"{taken.run}: its evidence does not verify"])


def test_rows_that_were_changed_after_somebody_signed_do_not_hold(site: Site) -> None:
    """Not even with the site's key and another hash beside them: the one that counts is in the signed document."""
    run, review = site.review()
    taken = signing.accept(site.desk(), *signed(site, "jisoo"))
    other = review.model_copy(update={"rows": review.rows[1:]}).record()
    file = site.folder / "runs" / run / RECORDS
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    changed = [{**line, "body": other} if line["kind"] == "review" else line for line in lines]
    file.write_text("".join(json.dumps(line) + "\n" for line in changed))

    held, faults = stored.sign_offs(site.folder)

    assert (held, faults) == ([], [f"{taken.run}: the rows of {run} are not those that jisoo signed"])


def test_evidence_without_its_public_key_is_unknown_and_never_a_pass(site: Site) -> None:
    """Nothing can be checked then."""
    site.review()
    for who in ("jisoo", "minho"):
        signing.accept(site.desk(), *signed(site, who))
    (site.folder / "key.pub").unlink()

    with pytest.raises(EvidenceError):
        stored.sign_offs(site.folder)
    assert judged(site).verdict.status == "unknown"


def test_a_review_can_be_made_again_from_its_record(site: Site) -> None:
    """From what hosts answered then, the policy and the leavers of then: the same rows, to the byte."""
    run, review = site.review(silent=["log1"])
    site.set("review", review={"jobs": ["auditor"]})

    assert stored.again(site.folder, run) == review
    assert canonical.digest(canonical.dumps(review.document())) == review.sha256


def test_a_document_is_read_back_as_it_was(tmp_path: Path) -> None:
    """One form, and Korean in it."""
    note = Decision(decision="investigate", note="담당자에게 확인")
    said = SignOff(
        site="lab", review="r", sha256="a" * 64, date=signing._today(), reviewer="jisoo", decisions={"1": note}
    )
    (tmp_path / "d").write_bytes(said.text())

    assert document.read((tmp_path / "d").read_bytes()) == said
