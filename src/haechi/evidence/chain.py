"""A chain of records: each names the digest of the one before it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from haechi.evidence import canonical

SCHEMA = 1
# The moment it began, what was run, and chance: names sort by time, and two runs of one second differ.
RUN = re.compile(r"(\d{4})(\d{2})(\d{2})T\d{6}Z-[a-z0-9_]+-[0-9a-f]{6}")
TORN = "the line ends in its middle"
FIELDS = {"schema", "run", "seq", "prev", "at", "kind", "body"}


class Harm(StrEnum):
    """What was done to a chain."""

    ALTERED = "altered"
    MISSING = "missing"
    REORDERED = "reordered"
    DUPLICATED = "duplicated"
    TRUNCATED = "truncated"
    ADDED = "added"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """The first thing wrong: which record (``seq``) at which line of the file, both from 1."""

    harm: Harm
    seq: int
    line: int
    why: str

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"record {self.seq}, line {self.line}: {self.harm}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class Tail:
    """Where a chain ends: how many records it has, and the digest of the last."""

    records: int
    head: str


def genesis(run: str) -> str:
    """Return what the first record of a run names as the one before it: it binds the chain to the run's name."""
    return canonical.digest(canonical.dumps({"genesis": run, "schema": SCHEMA}))


def link(tail: Tail, run: str, at: str, kind: str, body: Mapping[str, Any]) -> bytes:
    """Return the next record of a chain as one line.

    Raises ``CanonicalError`` for a body without a canonical form.
    """
    record = {
        "schema": SCHEMA,
        "run": run,
        "seq": tail.records + 1,
        "prev": tail.head,
        "at": at,
        "kind": kind,
        "body": dict(body),
    }
    return canonical.dumps(record) + b"\n"


def after(tail: Tail, line: bytes) -> Tail:
    """Return the tail once a line that ``link`` made is appended."""
    return Tail(records=tail.records + 1, head=digest(line))


def empty(run: str) -> Tail:
    """Return the tail of a chain without records."""
    return Tail(records=0, head=genesis(run))


def digest(line: bytes) -> str:
    """Return the digest by which the next record names this one."""
    return canonical.digest(line.rstrip(b"\n"))


def parse(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line, or None for what is none."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.keys() != FIELDS:
        return None
    numbers = all(type(record[name]) is int for name in ("schema", "seq"))
    words = all(isinstance(record[name], str) for name in ("run", "prev", "at", "kind"))
    return record if numbers and words and isinstance(record["body"], dict) else None


def verify(lines: Sequence[bytes], run: str, end: Tail | None = None) -> Fault | Tail:
    """Return the first fault of a chain, or where it ends.

    ``lines`` keep their line feeds. ``end`` is what the signed checkpoint says of the chain; without it a cut at the
    end of a line cannot be seen.
    """
    return _Walk(lines, run, end).go()


class _Walk:
    """One pass over the lines; only at a fault does it look back and ahead, to give the fault its name."""

    def __init__(self, lines: Sequence[bytes], run: str, end: Tail | None) -> None:
        self.lines, self.run, self.end = lines, run, end

    def go(self) -> Fault | Tail:
        tail = empty(self.run)
        for index, line in enumerate(self.lines):
            if self.end is not None and index >= self.end.records:
                return self._fault(Harm.ADDED, index, f"the run was closed after record {self.end.records}")
            record = parse(line)
            fault = self._cut(index) or self._wrong(index, record, tail)
            if fault:
                return fault
            tail = after(tail, line)
        return self._ended(tail)

    def _cut(self, index: int) -> Fault | None:
        if self.lines[index].endswith(b"\n"):
            return None
        return self._fault(Harm.TRUNCATED, index, TORN)

    def _wrong(self, index: int, record: dict[str, Any] | None, tail: Tail) -> Fault | None:
        seq = index + 1
        if record is None:
            return self._fault(Harm.ALTERED, index, "the line is no record")
        if record["seq"] != seq:
            return self._misplaced(index, record, linked=record["prev"] == tail.head)
        if record["prev"] != tail.head:
            return self._unlinked(index)
        if record["schema"] != SCHEMA or record["run"] != self.run:
            return self._fault(Harm.ALTERED, index, f"it is of run {record['run']}, schema {record['schema']}")
        return None

    def _misplaced(self, index: int, record: dict[str, Any], *, linked: bool) -> Fault:
        expected, seq, line = index + 1, record["seq"], self.lines[index]
        if line in self.lines[:index]:
            return Fault(harm=Harm.DUPLICATED, seq=seq, line=expected, why=f"it stands at line {seq} already")
        if linked and self._seq(index + 1) in {expected + 1, None}:
            return self._fault(Harm.ALTERED, index, f"its number says {seq}")
        found = next((at for at in range(index + 1, len(self.lines)) if self._seq(at) == expected), None)
        if found is not None:
            return self._fault(Harm.REORDERED, index, f"record {seq} stands here, and record {expected} at {found + 1}")
        if seq > expected:
            upto = f" to {seq - 1}" if seq - 1 > expected else ""
            return self._fault(Harm.MISSING, index, f"no record {expected}{upto}; record {seq} follows")
        return self._fault(Harm.ALTERED, index, f"its number says {seq}")

    def _unlinked(self, index: int) -> Fault:
        """Name the record that changed: if the next one vouches for this one, it was the one before."""
        if index and self._vouched(index):
            why = f"it is not the record that record {index + 1} follows"
            return self._fault(Harm.ALTERED, index - 1, why)
        return self._fault(Harm.ALTERED, index, "it does not follow the record before it, which may be altered too")

    def _vouched(self, index: int) -> bool:
        if index + 1 < len(self.lines):
            record = parse(self.lines[index + 1])
            return record is not None and record["prev"] == digest(self.lines[index])
        return self.end is not None and self.end.head == digest(self.lines[index])

    def _ended(self, tail: Tail) -> Fault | Tail:
        if self.end is None or self.end == tail:
            return tail
        if tail.records < self.end.records:
            why = f"the signed checkpoint counts {self.end.records} records, here are {tail.records}"
            return self._fault(Harm.TRUNCATED, tail.records, why)
        return self._fault(Harm.ALTERED, tail.records - 1, "it is not the last record that was signed")

    def _seq(self, index: int) -> int | None:
        record = parse(self.lines[index]) if index < len(self.lines) else None
        return record["seq"] if record else None

    def _fault(self, harm: Harm, index: int, why: str) -> Fault:
        return Fault(harm=harm, seq=index + 1, line=index + 1, why=why)
