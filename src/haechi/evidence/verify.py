"""Is the evidence whole? Answered offline by the public key and, for a cut tail, a file from the second place."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from haechi.evidence import EvidenceError, anchor, canonical, chain, checkpoint, export, files, keys, sitelog
from haechi.evidence.chain import Fault, Tail
from haechi.evidence.checkpoint import Checkpoint
from haechi.evidence.store import CHECKPOINT, COPIED, LOG, RECORDS

FETCH = "fetch the second place's file (`haechi evidence anchor`) and restore the log from it"
RESTORE = "restore it from backup; until then do not rely on what it says"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is broken: where, what, and what to do."""

    where: str
    what: str
    mend: str


@dataclass(kw_only=True)
class Report:
    """What verify found. ``upto`` is the last checkpoint of the log, ``anchored`` the last one an anchor confirms."""

    key: str = ""
    runs: int = 0
    records: int = 0
    upto: int = 0
    anchored: int | None = None
    findings: list[Finding] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        """Return the exit code: 0 whole, 1 broken, 3 cannot be judged."""
        return 1 if self.findings else 3 if self.doubts else 0

    def broken(self, where: str, what: object, mend: str = RESTORE) -> None:
        """Add a finding."""
        self.findings.append(Finding(where=where, what=str(what), mend=mend))


def verify(folder: Path, key: Ed25519PublicKey, anchor_file: Path | None = None) -> Report:
    """Return what is wrong with an evidence folder or an export of one.

    Raises ``EvidenceError`` for a folder or an anchor that cannot be read at all.
    """
    report = Report(key=keys.fingerprint(key))
    if not folder.is_dir():
        raise EvidenceError(f"{folder}: no such folder: give the evidence folder of a site, or an export of it")
    lines = sitelog.lines(folder / LOG)
    good = _log(report, lines, key)
    span = _export(report, folder, key)
    if span:
        report.notes.append(f"an export of runs that began from {span[0]} to {span[1]}; other runs are not in it")
    closed: set[str] = set()
    for point in good:
        closed.add(point.run)
        if span is None or _inside(span, point.run) or (folder / "runs" / point.run).is_dir():
            _closed(report, folder, point)
    _unclosed(report, folder, key, closed)
    _objects(report, folder)
    were = sitelog.copied(folder / COPIED)
    if were > len(lines):
        report.broken(LOG, f"cut: {were} checkpoints went to the second place, here are {len(lines)}", FETCH)
    if anchor_file is not None:
        _anchored(report, lines, key, anchor_file)
    elif lines:
        report.notes.append(f"complete up to checkpoint {report.upto}; later records cannot be excluded")
    if not lines and not report.runs:
        report.doubts.append(f"{folder}: no run is on record here")
    return report


def _log(report: Report, lines: list[bytes], key: Ed25519PublicKey) -> list[Checkpoint]:
    """Judge the site log, and return every checkpoint in it that the key signed."""
    good, fault = checkpoint.verify(lines, key)
    report.upto = len(good)
    # At the very end a broken line is what a crash leaves; anywhere else somebody wrote after it.
    if fault and fault.why == chain.TORN and fault.line == len(lines):
        report.doubts.append(f"{LOG}: line {fault.line} breaks off: a write was interrupted, or somebody cut it")
    elif fault:
        what = str(fault).replace("record", "checkpoint", 1)
        report.broken(LOG, what, "restore the log from backup or from the second place; its runs are on their own")
        return [found for found in (checkpoint.trusted(line, key) for line in lines) if found]
    return good


def _export(report: Report, folder: Path, key: Ed25519PublicKey) -> tuple[date, date] | None:
    said = export.read(folder, key)
    if said is None:
        return None
    for where, what in said.faults:
        report.broken(where, what, "ask for the export again; what an auditor was given is no longer this")
    return said.begin, said.end


def _inside(span: tuple[date, date], run: str) -> bool:
    began = sitelog.day(run)
    return began is None or span[0] <= began <= span[1]


def _closed(report: Report, folder: Path, point: Checkpoint) -> None:
    """Judge a run that the site log calls closed."""
    path = folder / "runs" / point.run
    where = f"runs/{point.run}"
    report.runs += 1
    if not (path / RECORDS).is_file():
        report.broken(where, f"missing: checkpoint {point.number} counts {point.records} records of it")
        return
    outcome = chain.verify(sitelog.lines(path / RECORDS), point.run, point.tail)
    if isinstance(outcome, Fault):
        report.broken(f"{where}/{RECORDS}", outcome)
    else:
        report.records += outcome.records
    own = path / CHECKPOINT
    if not own.is_file():
        report.notes.append(f"{where}/{CHECKPOINT}: missing; the site log has it as checkpoint {point.number}")
    elif own.read_bytes() != point.line():
        report.broken(f"{where}/{CHECKPOINT}", f"altered: it is not checkpoint {point.number} of the site log")
    if point.policy is not None and not (folder / "objects" / point.policy).is_file():
        report.broken(f"objects/{point.policy}", f"missing: it is the policy of {point.run}")


def _unclosed(report: Report, folder: Path, key: Ed25519PublicKey, closed: set[str]) -> None:
    """Judge what lies among the runs and is in no log."""
    for path in _entries(folder / "runs"):
        if path.name in closed:
            continue
        where, own = f"runs/{path.name}", path / CHECKPOINT
        if own.is_file():
            point = checkpoint.trusted(own.read_bytes(), key)
            number = f"checkpoint {point.number}, which the key signed" if point else "a checkpoint nobody signed"
            report.broken(where, f"{LOG} was cut or rewritten: the run has {number}, and the log does not name it")
            continue
        if not (path / RECORDS).is_file():
            report.broken(where, "no records: whatever the run wrote is gone")
            continue
        _open(report, path, where)


def _open(report: Report, path: Path, where: str) -> None:
    report.runs += 1
    outcome = chain.verify(sitelog.lines(path / RECORDS), path.name)
    alive = _written(path / RECORDS)
    if isinstance(outcome, Tail):
        report.records += outcome.records
        what = f"not closed: {outcome.records} records, nobody signed where it ends"
    elif outcome.harm is chain.Harm.TRUNCATED and outcome.why == chain.TORN:
        report.records += outcome.seq - 1
        what = f"not closed: it breaks off in record {outcome.seq}"
    else:
        report.broken(f"{where}/{RECORDS}", outcome)
        return
    if alive:
        report.notes.append(f"{where}: still being written")
    else:
        report.doubts.append(f"{where}: {what}. If the run was interrupted, seal it: haechi evidence seal {path.name}")


def _written(path: Path) -> bool:
    """Return whether the run's writer is alive: it holds a lock as long as it is."""
    with path.open("rb") as file:
        try:
            # Shared, so that two who verify at once do not take each other for the writer.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _objects(report: Report, folder: Path) -> None:
    for path in _entries(folder / "objects"):
        if path.name.startswith("."):
            continue  # a draft that a crash left; it has no name yet
        if canonical.digest(files.read(path)) != path.name:
            report.broken(f"objects/{path.name}", "altered: it is not what its name says")


def _entries(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.iterdir()) if folder.is_dir() else ()


def _anchored(report: Report, lines: list[bytes], key: Ed25519PublicKey, file: Path) -> None:
    found = anchor.compare(lines, sitelog.split(files.read(file)), key)
    report.anchored = found.upto
    for what in found.faults:
        report.broken(str(file), what, "one of the two places was changed: take both aside and find out which")
    report.notes.extend(found.notes)
    if found.upto == 0:
        report.doubts.append(f"{file}: the second place holds no checkpoint: nothing can be compared")
    elif found.upto < report.upto:
        report.notes.append(
            f"the second place confirms up to checkpoint {found.upto} of {report.upto}; the rest is not there yet"
        )
    else:
        report.notes.append(f"the second place confirms all {found.upto} checkpoints")
