"""The OSCAL document: valid against NIST's schema, whole in itself, the same each time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import regex
from jsonschema import Draft7Validator, FormatChecker, ValidationError, validators

from haechi import catalogue
from haechi.report import oscal
from haechi.report.build import build
from haechi.report.model import Stored
from tests.project.conftest import ROOT

from .stored import controls, report, stored

SCHEMA = json.loads((ROOT / "tests/cases/oscal/oscal_assessment-results_schema.json").read_text(encoding="utf-8"))


def matches(_: object, pattern: str, instance: object, __: object) -> Iterator[ValidationError]:
    # NIST's patterns name Unicode classes, which Python's own expressions do not know.
    if isinstance(instance, str) and not regex.search(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


NIST = validators.extend(Draft7Validator, {"pattern": matches})(SCHEMA, format_checker=FormatChecker())


def faults(document: object) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in NIST.iter_errors(document)]


def made(run: Stored) -> dict[str, Any]:
    return json.loads(oscal.render(build(run, controls(), catalogue.articles())))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(oscal.render(report()))


@pytest.fixture(scope="module")
def result(document: dict[str, Any]) -> dict[str, Any]:
    (only,) = document["assessment-results"]["results"]
    return only


@pytest.mark.exhaustive
def test_nist_accepts_it(document: dict[str, Any]) -> None:
    """The document is valid against the schema of OSCAL 1.2.3, which it names as its version."""
    assert faults(document) == []
    assert document["assessment-results"]["metadata"]["oscal-version"] == "1.2.3"


def test_the_check_itself_refuses() -> None:
    """The schema and its patterns are really applied."""
    assert any("is a required property" in fault for fault in faults({"assessment-results": {}}))
    assert any("does not match" in fault for fault in faults({"assessment-results": {"uuid": "x"}}))


def test_whatever_a_run_says_stays_valid() -> None:
    """Line feeds, blanks, nothing at all, markup and odd names fit OSCAL's data types too."""
    run = stored()
    odd = ["", " ", "a\nb", "\t<b>", "1 §", "=x", "한글 이름"]
    rows = [replace(row, control=text, subject=text, seen=text, expected=text) for text, row in zip(odd, run.rows)]  # noqa: B905 - there are more rows
    strange = replace(run, rows=tuple(rows), meta=replace(run.meta, title=" \n", site="a b", run="1 2"))

    assert faults(made(strange)) == []


def test_an_empty_run_stays_valid() -> None:
    """OSCAL knows no empty lists: what is not there is left out."""
    assert faults(made(replace(stored(), rows=(), expected=(), records={}))) == []


def test_one_observation_a_verdict_with_its_evidence(document: dict[str, Any], result: dict[str, Any]) -> None:
    """Each verdict is an observation that names the evidence records it rests on by their hashes."""
    resources = {one["uuid"]: one for one in document["assessment-results"]["back-matter"]["resources"]}
    seen = next(one for one in result["observations"] if one["title"] == "U-23 on backup1")
    verdict, posture = [resources[one["href"][1:]]["rlinks"][0] for one in seen["relevant-evidence"]]
    row = next(row for row in stored().rows if (row.control, row.subject) == ("U-23", "backup1"))

    assert len(result["observations"]) == 721
    assert verdict["hashes"] == [{"algorithm": "SHA-256", "value": row.record.sha256}]
    assert posture["hashes"] == [{"algorithm": "SHA-256", "value": stored().records["backup1"][0].sha256}]
    assert posture["href"].startswith("runs/20261123T000500Z-audit-5f0c1a/records.jsonl#")


def test_a_finding_says_whether_the_objective_is_met(result: dict[str, Any]) -> None:
    """Only what holds wherever it applies is satisfied; manual and unknown never are."""
    said = {one["target"]["target-id"]: one["target"]["status"] for one in result["findings"]}

    assert len(said) == 83
    assert (said["U-14_obj"]["state"], said["U-14_obj"]["reason"]) == ("not-satisfied", "fail")
    assert (said["U-01_obj"]["state"], said["U-01_obj"]["reason"]) == ("not-satisfied", "other")
    assert (said["account-review_obj"]["state"], said["account-review_obj"]["reason"]) == ("not-satisfied", "other")
    assert (said["site-segregation_obj"]["state"], said["site-segregation_obj"]["reason"]) == ("satisfied", "pass")


def test_a_failure_is_a_risk_and_a_waiver_has_its_end(result: dict[str, Any]) -> None:
    """Four failures are open risks; the waived one is an approved deviation with its deadline."""
    risks = [(one["status"], one.get("deadline")) for one in result["risks"]]

    assert risks.count(("open", None)) == 4
    assert risks.count(("deviation-approved", "2027-05-31T23:59:59.000Z")) == 1
    assert len(risks) == 5


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """No id stands twice, and none is named that is not there."""
    made_ids: list[str] = []
    named: list[str] = []
    collect(document, made_ids, named)

    assert len(made_ids) == len(set(made_ids))
    assert set(named) - set(made_ids) == set()


def collect(node: object, made_ids: list[str], named: list[str]) -> None:
    if isinstance(node, list):
        for one in node:
            collect(one, made_ids, named)
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "uuid":
                made_ids.append(value)
            elif name.endswith("-uuid"):
                named.append(value)
            elif name == "href" and value.startswith("#"):
                named.append(value[1:])
            else:
                collect(value, made_ids, named)


def test_the_same_run_gives_the_same_document() -> None:
    """Ids come from names: made again, the document is the same, and a host keeps its id in another run."""
    run = replace(stored(), rows=stored().rows[::10])
    other = made(replace(run, meta=replace(run.meta, run="20261124T000500Z-audit-000000")))
    first = made(run)
    hosts = [
        [one["uuid"] for one in document["assessment-results"]["results"][0]["local-definitions"]["inventory-items"]]
        for document in (first, other)
    ]

    assert first == made(run)
    assert hosts[0] == hosts[1]
    assert first["assessment-results"]["uuid"] != other["assessment-results"]["uuid"]
