"""Signatures made by ssh-keygen with real keys: which count, and the one reason why each other is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from haechi import tombstones
from haechi.evidence.store import RECORDS
from haechi.review import ReviewError, document, signing, stored
from haechi.review.document import SignOff

from .conftest import CORRECT, Site, signed

MORE = pytest.mark.exhaustive


def refused(site: Site, text: bytes, signature: bytes, run: str | None = None) -> str:
    with pytest.raises(ReviewError) as error:
        signing.accept(site.desk(), text, signature, run)
    assert stored.names(site.folder, stored.VERB) == [] or run
    return str(error.value)


def test_an_unknown_signer_is_refused(site: Site) -> None:
    """A key that policy gives nobody, whoever the document names."""
    site.review()

    assert "unknown signer: SHA256:" in refused(site, *signed(site, "jisoo", by="outsider"))


def test_a_colleague_s_key_is_refused(site: Site) -> None:
    """The document names jisoo, and minho signed it."""
    site.review()

    why = refused(site, *signed(site, "jisoo", by="minho"))

    assert why == "the document names jisoo, and minho's key signed it: each signs for himself"


def test_somebody_of_another_job_is_refused(site: Site) -> None:
    """Policy names the jobs that review; an operator is then none of them."""
    site.review()
    text, signature = signed(site, "jisoo")
    site.set("review", review={"jobs": ["auditor"]})

    assert refused(site, text, signature) == "jisoo (operator) may not review: policy leaves that to auditor"


def test_somebody_who_left_since_is_refused(site: Site) -> None:
    """A tombstone is stronger than the people file, here too."""
    site.review()
    text, signature = signed(site, "jisoo")
    tombstones.record(site.state, "jisoo")

    assert refused(site, text, signature) == "jisoo has left or is disabled: somebody who works here signs"


@pytest.mark.parametrize(
    "change",
    [
        {"decisions": {}},
        pytest.param({"reviewer": "minho"}, marks=MORE),
        pytest.param({"sha256": "0" * 64}, marks=MORE),
        pytest.param({"site": "another"}, marks=MORE),
    ],
    ids=str,
)
def test_an_altered_document_is_refused(site: Site, change: dict[str, Any]) -> None:
    """Whatever is changed after it was signed, the signature is not of it."""
    site.review()
    text, signature = signed(site, "jisoo")
    altered = document.read(text).model_copy(update=change).text()

    why = refused(site, altered, signature)

    assert why == (
        "the document was altered, or this signature is not of it: Signature verification failed: incorrect signature"
    )


def test_another_form_of_the_same_document_is_refused(site: Site) -> None:
    """One form, so that nobody signs what reads otherwise elsewhere."""
    site.review()
    text, _ = signed(site, "jisoo")
    spaced = json.dumps(json.loads(text), indent=1).encode()

    assert "not in its one form" in refused(site, spaced, site.signature("jisoo", spaced))
    assert "no sign-off document" in refused(site, b"I agree.\n", site.signature("jisoo", b"I agree.\n"))


def test_a_signature_for_another_purpose_is_refused(site: Site) -> None:
    """What was signed as a file, or for git, is no review."""
    site.review()
    text, _ = signed(site, "jisoo")

    assert "namespace does not match" in refused(site, text, site.signature("jisoo", text, "file"))


def test_the_signature_of_another_review_is_refused(site: Site) -> None:
    """A sign-off counts for the rows it names: last quarter's opens nothing for this one."""
    old, before = site.review()
    text, signature = signed(site, "jisoo")
    new, after = site.review()

    assert before.sha256 != after.sha256
    assert refused(site, text, signature, new) == f"it signs another review, {old}; this is {new}"
    assert stored.names(site.folder, stored.VERB) == []


def test_other_rows_under_the_name_of_a_review_are_refused(site: Site) -> None:
    """The hash is that of the stored rows."""
    run, review = site.review()

    why = refused(site, *signed(site, "jisoo", sha256="0" * 64))

    assert why == f"it signs other rows ({'0' * 16}) than those on record of {run} ({review.sha256[:16]})"


def test_a_second_signature_of_the_same_person_is_refused(site: Site) -> None:
    """He cannot stand in for the second reviewer."""
    run, _ = site.review()
    text, signature = signed(site, "jisoo")
    signing.accept(site.desk(), text, signature)

    assert "jisoo has signed" in refused(site, text, signature, run)
    assert len(stored.names(site.folder, stored.VERB)) == 1


def test_a_reviewer_among_the_differences_is_refused(site: Site) -> None:
    """Sora's account is missing on ops1: somebody else looks at that."""
    site.review()
    said = signing.prepare(site.desk(), "jisoo", CORRECT).model_copy(update={"reviewer": "sora"})

    why = refused(site, said.text(), site.signature("sora", said.text()))

    assert why.startswith("sora's own access is among the differences: ")
    assert "(sora on ops1)" in why


def test_the_owner_of_an_account_among_the_differences_is_refused(site: Site) -> None:
    """Whoever answers for the automation does not review what it has too much."""
    site.changes["app1"] = [{"at": ["accounts", "rows", "name=haechi", "groups"], "add": "disk"}]
    site.review()

    with pytest.raises(
        ReviewError, match=r"jisoo's own access is among the differences: [0-9a-f]{10} \(haechi on app1\)"
    ):
        signing.prepare(site.desk(), "jisoo", CORRECT)


def test_every_open_difference_needs_a_decision(site: Site) -> None:
    """None left out, and none about what is no difference."""
    site.review()
    said = signing.prepare(site.desk(), "jisoo", CORRECT)
    first = min(said.decisions)
    less = {name: choice for name, choice in said.decisions.items() if name != first}

    assert f"no decision on {first} (sora on " in refused(site, *signed(site, "jisoo", decisions=less))
    more = {**said.decisions, "ffffffff": CORRECT["all"]}
    assert "a decision on ffffffff, which is no open" in refused(site, *signed(site, "jisoo", decisions=more))


@pytest.mark.parametrize(
    ("days", "told"), [(1, "it is dated"), (-1, "it is dated")], ids=["tomorrow", "before the review"]
)
def test_a_date_that_cannot_be_is_refused(site: Site, days: int, told: str) -> None:
    """Nobody signs ahead, and nobody signed before there was a review."""
    site.review()
    today = signing.prepare(site.desk(), "jisoo", CORRECT).date

    assert told in refused(site, *signed(site, "jisoo", date=today + timedelta(days=days)))


def test_a_review_of_long_ago_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a host showed two weeks ago is not what it shows."""
    site.review()
    text, signature = signed(site, "jisoo")
    later = document.read(text).date + timedelta(days=15)
    monkeypatch.setattr(signing, "_today", lambda: later)

    assert "had to be signed by" in refused(site, text, signature)


@pytest.mark.parametrize("how", [{"silent": ["db1"]}, {"hosts": ["app1", "ops1"]}], ids=["silent", "limited"])
def test_a_review_that_did_not_see_every_host_is_refused(site: Site, how: dict[str, list[str]]) -> None:
    """What nobody saw nobody reviews."""
    run, review = site.review(**how)
    said = SignOff(site="lab", review=run, sha256=review.sha256, date=signing._today(), reviewer="jisoo", decisions={})

    why = refused(site, said.text(), site.signature("jisoo", said.text()))

    assert why.startswith("not seen: ")
    assert "db1" in why


def test_a_review_whose_evidence_was_altered_is_refused(site: Site) -> None:
    """The rows that are signed are those that the site's key vouches for."""
    run, _ = site.review()
    text, signature = signed(site, "jisoo")
    file = site.folder / "runs" / run / RECORDS
    file.write_text(file.read_text().replace("systemd-journal", "systemd-journax"))

    assert "its evidence does not verify" in refused(site, text, signature)
