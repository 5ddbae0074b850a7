"""The stored run of tests/cases/report/run.json, as the loader of a real one would give it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from itertools import count
from typing import Any

from haechi import catalogue
from haechi.controls.model import Control, Scope, Severity, Status, passed
from haechi.perimeter import matrix
from haechi.perimeter.matrix import Matrix
from haechi.policy.resolve import managed
from haechi.report import html
from haechi.report.build import build
from haechi.report.model import Checkpoint, Earlier, Meta, Record, Report, Row, Stored, Waiver
from tests.project.conftest import ROOT
from tests.unit.controls import world

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
        matrix=zones(),
    )


@cache
def zones() -> Matrix:
    """Return the lab's zones: app1 reaches the shell of db1, edge1 lost the package cache, log1 told nothing."""
    policy = world.policy()
    to_ops = {"10.77.40.11 tcp/53": "open", "10.77.40.11 udp/53": "open", "10.77.40.11 udp/123": "open"}
    usual = {**to_ops, "10.77.40.11 tcp/3142": "open", "10.77.40.13 tcp/4717": "open", "10.77.40.13 tcp/4718": "open"}
    usual |= {"10.77.40.12 tcp/30344": "open"}
    own = {
        "gw1": {**usual, "10.77.0.11 icmp/0": "open", "10.77.0.12 icmp/0": "open"},
        "edge1": {**usual, "10.77.40.11 tcp/3142": "timeout"},
        "app1": {**usual, "10.77.30.11 tcp/22": "open", "10.77.30.11 tcp/5432": "refused"},
        "vault1": {name: result for name, result in usual.items() if "10.77.40.13" not in name},
        "ops1": {f"{policy.hosts[name].address} tcp/22": "open" for name in managed(policy) if name != "ops1"},
    }
    probes = {host: [world.tried(policy, host, own.get(host, usual))] for host in managed(policy) if host != "log1"}
    return matrix.read(policy, probes)


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


@cache
def page() -> str:
    """Return the page of the stored run."""
    return html.render(report())


def brief(**changes: Any) -> Report:
    """Return the report of the stored run with few of its verdicts, and with changes."""
    run = stored()
    return build(replace(run, rows=run.rows[:20], **changes), controls(), catalogue.articles())
