"""The stored run of tests/cases/report/run.json, as the loader of a real one would give it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from itertools import count
from typing import Any

from haechi import catalogue
from haechi.controls.model import Control, Scope, Severity, Status, passed
from haechi.report.build import build
from haechi.report.model import Checkpoint, Earlier, Meta, Record, Report, Row, Stored, Waiver
from tests.project.conftest import ROOT

FILE = ROOT / "tests/cases/report/run.json"


@cache
def document() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8"))


def stored() -> Stored:
    """81 controls on 8 of 9 hosts, with every status, a script in what was seen and five earlier runs."""
    case = document()
    meta = case["meta"] | {"at": when(case["meta"]["at"]), "checkpoint": Checkpoint(**case["meta"]["checkpoint"])}
    return Stored(
        meta=Meta(**meta),
        expected=tuple(case["hosts"]),
        observed=tuple(case["observed"]),
        rows=tuple(rows(case["verdicts"])),
        waivers=tuple(
            Waiver(**one | {"hosts": tuple(one["hosts"]), "until": date.fromisoformat(one["until"])})
            for one in case["waivers"]
        ),
        records={
            host: tuple(Record(**one | {"at": when(one["at"])}) for one in found)
            for host, found in case["records"].items()
        },
        earlier=tuple(Earlier(**one | {"at": when(one["at"])}) for one in case["earlier"]),
    )


def rows(verdicts: list[dict[str, Any]]) -> Iterator[Row]:
    sequence = count(100)
    for said in verdicts:
        named = {name: value for name, value in said.items() if name not in {"subjects", "status"}}
        for subject in said["subjects"]:
            number = next(sequence)
            at, digest = when("2026-11-23T00:05:12+00:00"), hashlib.sha256(str(number).encode()).hexdigest()
            record = Record(kind="verdict", sequence=number, at=at, sha256=digest)
            yield Row(**named, subject=subject, status=Status(said["status"]), record=record)


def controls() -> tuple[Control, ...]:
    return tuple(control(one) for one in document()["controls"])


def control(one: dict[str, Any]) -> Control:
    named = one | {
        "severity": Severity(one["severity"]),
        "scope": Scope(one["scope"]),
        "articles": tuple(one["articles"]),
        "registers": tuple(one["registers"]),
        "status": Status(one["status"]) if one["status"] else None,
    }
    automated = one["status"] is None
    return Control(**named, judge=(lambda _: passed("", "")) if automated else None)


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def report() -> Report:
    return build(stored(), controls(), catalogue.articles())
