"""The run as OSCAL assessment results (NIST, version 1.2), for a machine that keeps the records of an organisation.

Ids are name-based (UUID version 5): the same run gives the same document, and a host keeps its id between runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID, uuid5

from haechi import __version__
from haechi.controls.judging import SITE
from haechi.controls.model import Status
from haechi.report import oscalparts as parts
from haechi.report.model import ControlView, Group, Record, Report, Row, WaiverView

VERSION = "1.2.3"
_NAMES = UUID("8f0a4a52-57b4-5d0e-9a43-2b6f8f6e1c3d")
_HOLDS = frozenset({Status.PASS, Status.NOT_APPLICABLE})
_REASONS = {Status.PASS: "pass", Status.FAIL: "fail", Status.WAIVED: "fail"}
_REMARKS = {
    Status.MANUAL: "Not judged by machine: a person answers for it by a record.",
    Status.UNKNOWN: "Could not be observed on every subject; this is never taken as satisfied.",
    Status.NOT_APPLICABLE: "Says nothing about any subject of this run.",
    Status.WAIVED: "Does not hold; policy holds an exception that has an owner, an approver and an end.",
}


def render(report: Report) -> str:
    """Return the document as JSON."""
    return json.dumps({"assessment-results": _Results(report).document()}, ensure_ascii=False, indent=1) + "\n"


class _Results:
    """One run's document; the parts name each other by ids made from what they are about."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.meta = report.meta
        self.at = parts.moment(report.meta.at)
        self.judged = [view for view in report.controls if view.groups]

    def id(self, *what: str) -> str:
        """Return the id of something that belongs to this run."""
        return self.lasting("run", self.meta.run, *what)

    def lasting(self, *what: str) -> str:
        """Return the id of something that outlives the run."""
        # A unit separator, so that ("a", "bc") and ("ab", "c") are two ids (RFC 9562, 5.5).
        return str(uuid5(_NAMES, "\x1f".join((self.meta.site, *what))))

    def document(self) -> dict[str, Any]:
        return {
            "uuid": self.id("results"),
            "metadata": {
                "title": parts.line(f"Audit of {self.meta.title}"),
                "last-modified": self.at,
                "version": parts.line(self.meta.run),
                "oscal-version": VERSION,
                "roles": [{"id": "assessed", "title": "The organisation whose hosts were assessed"}],
                "parties": [
                    {
                        "uuid": self.lasting("party"),
                        "type": "organization",
                        "name": parts.line(self.meta.title),
                        "short-name": parts.line(self.meta.site),
                    }
                ],
                "responsible-parties": [{"role-id": "assessed", "party-uuids": [self.lasting("party")]}],
            },
            "import-ap": {
                "href": f"#{self.id('policy')}",
                "remarks": "There is no separate assessment plan: policy as code says what is assessed and how.",
            },
            **parts.filled(
                {"local-definitions": parts.filled({"objectives-and-methods": [*map(_objective, self.judged)]})}
            ),
            "results": [self.result()],
            "back-matter": {"resources": [self.policy(), *self.records()]},
        }

    def result(self) -> dict[str, Any]:
        return {
            "uuid": self.id("result"),
            "title": parts.line(f"Run {self.meta.run}"),
            "description": "Every verdict of one audit run, made from its stored evidence alone.",
            "start": self.at,
            "end": parts.moment(max((record.at for record in self._kept()), default=self.meta.at)),
            "props": self.figures(),
            "local-definitions": {
                **parts.filled({"inventory-items": [self.host(name) for name in self.subjects()]}),
                "assessment-assets": parts.assets(self.tool, self.id("platform"), __version__),
            },
            "reviewed-controls": parts.reviewed([view.control for view in self.judged]),
            **parts.filled(
                {
                    "observations": [self.observation(row) for row in self.report.stored.rows],
                    "risks": [risk for view in self.judged for risk in self.risks(view)],
                    "findings": [self.finding(view) for view in self.judged],
                }
            ),
        }

    @property
    def tool(self) -> str:
        return str(uuid5(_NAMES, f"haechi {__version__}"))

    def figures(self) -> list[dict[str, str]]:
        stored, point = self.report.stored, self.meta.checkpoint
        found = {
            "policy-sha256": self.meta.policy_sha256,
            "catalogue-version": self.meta.catalogue_version,
            "hosts-expected": str(len(stored.expected)),
            "hosts-observed": str(len(stored.observed)),
            "evidence-verified": {True: "yes", False: "failed", None: "not-checked"}[self.meta.verified],
            **({"checkpoint": str(point.sequence), "checkpoint-sha256": point.sha256} if point else {}),
            **{f"verdicts-{status}": str(count) for status, count in self.report.tally.counts.items()},
        }
        return [parts.prop(name, value) for name, value in found.items()]

    def subjects(self) -> list[str]:
        return [view.name for view in self.report.hosts]

    def host(self, name: str) -> dict[str, Any]:
        records = self.report.stored.records.get(name, ())
        links = [{"href": f"#{self._record(record)}", "rel": "evidence"} for record in records]
        seen = name == SITE or name in self.report.stored.observed
        return {
            "uuid": self.lasting("host", name),
            "description": "The site as a whole" if name == SITE else parts.line(f"Host {name}"),
            "props": [parts.prop("subject", name), parts.prop("observed", "yes" if seen else "no")],
            **parts.filled({"links": links}),
        }

    def subject(self, name: str) -> dict[str, str]:
        return {"subject-uuid": self.lasting("host", name), "type": "inventory-item", "title": parts.line(name)}

    def observation(self, row: Row) -> dict[str, Any]:
        postures = [one for one in self.report.stored.records.get(row.subject, ()) if one.kind == "posture"]
        evidence = [*([row.record] if row.record else []), *postures]
        return {
            "uuid": self._observation(row.control, row.subject),
            "title": parts.line(f"{row.control} on {row.subject}"),
            "description": row.seen or "-",
            "props": [parts.prop("status", str(row.status)), parts.prop("expected", row.expected)],
            "methods": ["EXAMINE" if row.status is Status.MANUAL else "TEST"],
            "types": ["control-objective"],
            "origins": self._origins(),
            "subjects": [self.subject(row.subject)],
            **parts.filled({"relevant-evidence": [self._evidence(record) for record in evidence]}),
            "collected": parts.moment(postures[0].at) if postures else self.at,
        }

    def finding(self, view: ControlView) -> dict[str, Any]:
        control, worst = view.control, view.worst or Status.UNKNOWN
        subjects = [name for group in view.groups for name in group.subjects]
        risks = [{"risk-uuid": risk["uuid"]} for risk in self.risks(view)]
        counts = ", ".join(f"{count} {status}" for status, count in view.tally.counts.items() if count)
        return {
            "uuid": self.id("finding", control.id),
            "title": parts.line(control.title_en),
            "description": f"{control.title_ko}: {counts}.",
            "props": [parts.prop("severity", control.severity), parts.prop("status", worst), *parts.articles(view)],
            "origins": self._origins(),
            "target": {
                "type": "objective-id",
                "target-id": parts.objective(control.id),
                "status": {
                    "state": "satisfied" if worst in _HOLDS else "not-satisfied",
                    "reason": _REASONS.get(worst, "other"),
                    **({"remarks": _REMARKS[worst]} if worst in _REMARKS else {}),
                },
                **parts.implementation(worst),
            },
            "related-observations": [{"observation-uuid": self._observation(control.id, name)} for name in subjects],
            **parts.filled({"related-risks": risks}),
        }

    def risks(self, view: ControlView) -> Iterable[dict[str, Any]]:
        """Give a risk for what fails openly, and one for each waiver under which it fails."""
        waivers = {one.waiver.id: one for one in self.report.waivers}
        for waiver in {group.waiver: None for group in view.groups if group.status in {Status.FAIL, Status.WAIVED}}:
            groups = [one for one in view.groups if one.waiver == waiver and one.status in {Status.FAIL, Status.WAIVED}]
            yield self._risk(view, groups, waivers.get(waiver or ""))

    def _risk(self, view: ControlView, groups: list[Group], waived: WaiverView | None) -> dict[str, Any]:
        control = view.control
        subjects = [name for group in groups for name in group.subjects]
        open_ = groups[0].status is Status.FAIL
        facet = {"name": "severity", "system": parts.NAMESPACE, "value": str(control.severity)}
        return {
            "uuid": self.id("risk", control.id, groups[0].waiver or ""),
            "title": parts.line(control.title_en),
            "description": "\n".join(f"{', '.join(group.subjects)}: {group.seen}" for group in groups),
            "statement": f"Expected: {groups[0].expected}",
            **parts.filled({"props": parts.waiver(waived)}),
            "status": "open" if open_ else "deviation-approved",
            "origins": self._origins(),
            "characterizations": [{"origin": self._origins()[0], "facets": [facet]}],
            **({"deadline": _end(waived)} if waived else {}),
            "related-observations": [{"observation-uuid": self._observation(control.id, name)} for name in subjects],
        }

    def policy(self) -> dict[str, Any]:
        digest = self.meta.policy_sha256
        link = {"href": f"objects/{parts.path(digest)}", "hashes": [parts.sha256(digest)]}
        return {"uuid": self.id("policy"), "title": "The policy of the run", "rlinks": [link]}

    def records(self) -> list[dict[str, Any]]:
        """Return the records by their hashes; each is a line of the run's file in the evidence."""
        href = f"runs/{parts.path(self.meta.run)}/records.jsonl"
        return [
            {
                "uuid": self._record(record),
                "title": f"Record {record.sequence}: {record.kind}",
                "props": [parts.prop("sequence", str(record.sequence))],
                "rlinks": [{"href": f"{href}#{record.sequence}", "hashes": [parts.sha256(record.sha256)]}],
            }
            for record in self._kept()
        ]

    def _kept(self) -> list[Record]:
        verdicts = [row.record for row in self.report.stored.rows if row.record]
        observed = [record for records in self.report.stored.records.values() for record in records]
        return sorted({record.sequence: record for record in (*observed, *verdicts)}.values(), key=_sequence)

    def _record(self, record: Record) -> str:
        return self.id("record", str(record.sequence))

    def _evidence(self, record: Record) -> dict[str, str]:
        return {"href": f"#{self._record(record)}", "description": f"{record.kind} record {record.sequence}"}

    def _observation(self, control: str, subject: str) -> str:
        return self.id("observation", control, subject)

    def _origins(self) -> list[dict[str, Any]]:
        return [{"actors": [{"type": "tool", "actor-uuid": self.tool}]}]


def _objective(view: ControlView) -> dict[str, Any]:
    return parts.objectives(view.control)


def _sequence(record: Record) -> int:
    return record.sequence


def _end(waived: WaiverView) -> str:
    return parts.moment(datetime.combine(waived.waiver.until, time(23, 59, 59), UTC))
