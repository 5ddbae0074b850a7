"""What is on record, one line a run."""

from __future__ import annotations

from collections.abc import Iterator

from haechi.evidence import checkpoint, sitelog
from haechi.evidence.store import CHECKPOINT, RECORDS, Store


def rows(store: Store) -> Iterator[str]:
    """Return a line for each run, oldest first; it judges nothing. Raises ``EvidenceError``."""
    for run in store.runs():
        path = store.path / "runs" / run
        own = path / CHECKPOINT
        point = checkpoint.parse(own.read_bytes()) if own.is_file() else None
        lines = sitelog.lines(path / RECORDS)
        end = f"checkpoint {point.number}" if point else "not closed"
        yield f"{run}  {len(lines):6} records  {end}"
