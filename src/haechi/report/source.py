"""A stored audit run, and the counts of those before it, out of a site's evidence. Asks no host, changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from haechi import audit, runs
from haechi.controls.judging import SITE
from haechi.controls.model import Status
from haechi.evidence import EvidenceError, answers, canonical, chain, checkpoint, files, sitelog
from haechi.evidence.store import CHECKPOINT, LOG, RECORDS
from haechi.observe.posture import UnknownError, open_posture
from haechi.policy import models
from haechi.policy.resolve import managed
from haechi.privileged import Privileged, privileged, signing_keys
from haechi.report.model import Checkpoint, Earlier, Meta, Record, Row, Stored, Waiver

AUDIT, VERDICT = "audit", "verdict"
BEFORE = 24
# Keys of a canonical record are sorted: what follows the body fits in this many bytes.
TAIL = 400
SEEN = frozenset({Status.PASS, Status.FAIL, Status.WAIVED})

Line = tuple[dict[str, Any], str]


def load(folder: Path, key: Ed25519PublicKey, run: str | None = None) -> Stored:
    """Return a run of an evidence folder, or its last audit of the whole fleet, or else its last audit.

    Raises ``EvidenceError`` where there is no such audit, or where its records cannot be read.
    """
    chosen = run or _last(folder)
    lines, records = audit_records(folder, chosen)
    try:
        return _stored(folder, chosen, records, verified(folder, chosen, lines, key))
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable(folder, chosen, error) from error


def audit_records(folder: Path, run: str) -> tuple[list[bytes], list[Line]]:
    """Return the lines of an audit, and its records, each with its digest.

    Raises ``EvidenceError`` for a run that is none or holds no verdict.
    """
    if not chain.RUN.fullmatch(run):
        raise EvidenceError(f"{run!r} is no name of a run: take one of `haechi evidence list`")
    path = folder / "runs" / run / RECORDS
    lines = sitelog.lines(path)
    records = [(record, chain.digest(line)) for line in lines if (record := chain.parse(line))]
    if not any(record["kind"] == VERDICT for record, _ in records):
        raise EvidenceError(f"{path}: holds no verdict: name an audit of `haechi evidence list`")
    return lines, records


def unreadable(folder: Path, run: str, error: Exception) -> EvidenceError:
    """Return what is said of records that this version does not understand."""
    why = f"{type(error).__name__}: {error}".splitlines()[0]
    path = folder / "runs" / run / RECORDS
    return EvidenceError(f"{path}: is no audit that this version can read ({why}): use the version of then")


def _stored(folder: Path, run: str, records: Sequence[Line], verified: bool | None) -> Stored:  # noqa: FBT001 - handed through
    begin = records[0][0]["body"]
    policy = stored_policy(folder, begin["policy"])
    rows = tuple(_rows(records))
    expected = managed(policy)
    about = runs.read({**begin, "policy": policy.model_dump(mode="json", by_alias=True), "state": ""})
    told = answers.of(record for record, _ in records)
    answered = {host for host, answer in told.items() if "observation" in answer}
    seen = answered & {row.subject for row in rows if row.status in SEEN}
    held, unread = _privileged(about, told)
    return Stored(
        meta=Meta(
            site=str(begin["site"]),
            title=policy.site.title,
            run=run,
            at=datetime.fromisoformat(begin["at"]),
            policy_sha256=str(begin["policy"]),
            catalogue_version=str(begin["catalogue"]),
            checkpoint=_checkpoint(folder, run),
            verified=verified,
        ),
        expected=expected,
        observed=tuple(host for host in expected if host in seen),
        rows=rows,
        waivers=tuple(Waiver(**waiver.model_dump()) for waiver in policy.waivers),
        records=_evidence(records),
        earlier=tuple(_earlier(folder, run)),
        privileged=held,
        unread=unread,
        matrix=audit.zone_matrix(about, told),
        idle=audit.unused(about, told),
    )


def _privileged(run: runs.Run, told: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[Privileged, ...], tuple[str, ...]]:
    """Return the identities of power on every host, and the hosts that did not show theirs."""
    found: list[Privileged] = []
    unread = []
    for host in managed(run.policy):
        try:
            observation = told.get(host, {}).get("observation")
            posture = open_posture(observation, host=host, nonce=run.nonce, host_key=run.host_keys.get(host))
            found += privileged(run.policy, host, posture)
        except UnknownError:
            unread.append(host)
    return (*found, *signing_keys(run.policy)), tuple(unread)


def stored_policy(folder: Path, digest: str) -> models.Policy:
    """Return the policy that a run began with. Raises ``EvidenceError`` for one that is gone, altered or unreadable."""
    data = files.read(folder / "objects" / digest)
    if canonical.digest(data) != digest:
        raise EvidenceError(f"{folder / 'objects' / digest}: altered: it is not what its name says")
    try:
        return models.Policy.model_validate_json(data)
    except ValidationError as error:
        raise EvidenceError(f"objects/{digest}: this version cannot read that policy: {error}") from error


def _rows(records: Sequence[Line]) -> Iterator[Row]:
    for record, digest in records:
        if record["kind"] == VERDICT:
            body = record["body"]
            yield Row(
                control=str(body["control"]),
                subject=str(body["subject"]),
                status=Status(body["status"]),
                seen=str(body["seen"]),
                expected=str(body["expected"]),
                waiver=body["waiver"],
                record=_record(record, digest),
            )


def _evidence(records: Sequence[Line]) -> Mapping[str, tuple[Record, ...]]:
    found: dict[str, list[Record]] = {}
    for record, digest in records:
        if record["kind"] in answers.ANSWERED:
            found.setdefault(str(record["body"]["host"]), []).append(_record(record, digest))
    return {host: tuple(mine) for host, mine in found.items()}


def _record(record: Mapping[str, Any], digest: str) -> Record:
    return Record(kind=record["kind"], sequence=record["seq"], at=datetime.fromisoformat(record["at"]), sha256=digest)


def _checkpoint(folder: Path, run: str) -> Checkpoint | None:
    path = folder / "runs" / run / CHECKPOINT
    line = files.read(path) if path.is_file() else b""
    point = checkpoint.parse(line)
    return Checkpoint(sequence=point.number, head=point.head, sha256=checkpoint.digest(line)) if point else None


def verified(folder: Path, run: str, lines: Sequence[bytes], key: Ed25519PublicKey) -> bool | None:
    """Return whether the key signed this run's end in the site log and the records are what it signed.

    A run that nobody signed cannot be verified, which is not the same as broken.
    """
    path = folder / "runs" / run / CHECKPOINT
    logged = sitelog.lines(folder / LOG)
    if not path.is_file():
        return None if isinstance(chain.verify(lines, run), chain.Tail) else False
    line = files.read(path)
    point = checkpoint.trusted(line, key)
    if point is None or point.run != run or line not in logged:
        return False
    return isinstance(chain.verify(lines, run, point.tail), chain.Tail)


def _last(folder: Path) -> str:
    partial = ""
    for run in reversed(_audits(folder)):
        verdicts = _verdicts(folder, run)
        if _of_the_fleet(verdicts):
            return run
        partial = partial or (run if verdicts else "")
    if not partial:
        raise EvidenceError(f"{folder}: no audit is on record: run playbooks/audit.yml, or check the inventory")
    return partial


def _earlier(folder: Path, run: str) -> Iterator[Earlier]:
    """Return what the last audits before a run counted; those of a part of the fleet cannot be compared with it."""
    audits = _audits(folder)
    for name in audits[: audits.index(run)][-BEFORE:] if run in audits else ():
        verdicts = _verdicts(folder, name)
        if _of_the_fleet(verdicts):
            statuses = [str(record["body"].get("status")) for record in verdicts]
            counts = {str(status): statuses.count(str(status)) for status in Status}
            yield Earlier(at=datetime.fromisoformat(verdicts[0]["at"]), run=name, counts=counts)


def _audits(folder: Path) -> list[str]:
    runs = folder / "runs"
    names = [entry.name for entry in runs.iterdir() if chain.RUN.fullmatch(entry.name)] if runs.is_dir() else []
    return sorted(name for name in names if f"-{AUDIT}-" in name)


def _verdicts(folder: Path, run: str) -> list[dict[str, Any]]:
    """Return a run's verdict records; its long ones, which are of another kind, are not even parsed."""
    path = folder / "runs" / run / RECORDS
    wanted = b'"kind":"verdict"'
    found = [chain.parse(line) for line in sitelog.lines(path) if wanted in line[-TAIL:]]
    return [record for record in found if record and record["kind"] == VERDICT]


def _of_the_fleet(verdicts: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the site as a whole was judged, which happens only where every host was asked."""
    return any(record["body"].get("subject") == SITE for record in verdicts)
