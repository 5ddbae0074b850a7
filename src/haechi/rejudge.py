"""Judge a stored audit again, from its record alone: no host, no file of policy and no clock is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from haechi import __version__, audit, auditrun, catalogue, runs
from haechi.controls.judging import SITE
from haechi.evidence import answers, canonical
from haechi.report import source

# The playbook that judges the perimeter alone.
PROBE = "probe"
# What a verdict says of its control and subject.
SAID = ("status", "seen", "expected", "waiver")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A verdict that is not what it was; None where there was, or is, no such verdict."""

    control: str
    subject: str
    then: Mapping[str, Any] | None
    now: Mapping[str, Any] | None

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"{self.control} on {self.subject}: was {_told(self.then)}; is {_told(self.now)}"


@dataclass(frozen=True, kw_only=True)
class Again:
    """A stored audit, judged again. ``verified`` is None for a run that nobody signed."""

    run: str
    verdicts: int
    differences: tuple[Difference, ...]
    verified: bool | None
    notes: tuple[str, ...]


def again(folder: Path, run: str, key: Ed25519PublicKey) -> Again:
    """Judge a run of an evidence folder again and compare every verdict with the one on record.

    Raises ``EvidenceError`` where there is no such audit, or where its records cannot be read.
    """
    lines, found = source.audit_records(folder, run)
    records = [record for record, _ in found]
    try:
        begin = records[0]["body"]
        policy = source.stored_policy(folder, begin["policy"]).model_dump(mode="json", by_alias=True)
        then = {_name(record["body"]): record["body"] for record in records if record["kind"] == source.VERDICT}
        asked = dict.fromkeys(sorted({subject for _, subject in then} - {SITE}), auditrun.NO_ANSWER)
        about, told = runs.read({**begin, "policy": policy, "state": ""}), asked | answers.of(records)
        if begin.get("verb") == PROBE:
            rows = audit.judge_perimeter(about, told)[0]
        else:
            rows = audit.judge(about, told, answers.kept(records))
    except (KeyError, TypeError, ValueError) as error:
        raise source.unreadable(folder, run, error) from error
    now = {(row.control, row.subject): canonical.storable(row.document()) for row in rows}
    return Again(
        run=run,
        verdicts=len(then),
        differences=tuple(_differences(then, now)),
        verified=source.verified(folder, run, lines, key),
        notes=tuple(_notes(begin)),
    )


def _differences(
    then: Mapping[tuple[str, str], Mapping[str, Any]], now: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Iterable[Difference]:
    for name in sorted(then.keys() | now.keys()):
        was, is_ = then.get(name), now.get(name)
        if was is None or is_ is None or any(was.get(key) != is_.get(key) for key in SAID):
            yield Difference(control=name[0], subject=name[1], then=was, now=is_)


def _notes(begin: Mapping[str, Any]) -> Iterable[str]:
    """Tell what was another then: the same observations may rightly be judged otherwise by another version."""
    for what, was, is_ in (
        ("haechi", begin["haechi"], __version__),
        ("the catalogue", begin["catalogue"], catalogue.version()),
    ):
        if was != is_:
            yield f"{what} was {was} then and is {is_} now"


def _name(body: Mapping[str, Any]) -> tuple[str, str]:
    return str(body["control"]), str(body["subject"])


def _told(body: Mapping[str, Any] | None) -> str:
    return "not judged" if body is None else f"{body.get('status')} ({body.get('seen')})"
