"""Is what was recorded still there? Told from the site log and the runs' folders, without reading the runs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from haechi.evidence import checkpoint, keys, sitelog
from haechi.evidence.store import COPIED, LOG, RECORDS


def look(folder: Path, since: date) -> dict[str, Any]:
    """Return what the site log counts and which of its runs that began since a day are gone; JSON-able.

    ``first`` is the day of the oldest run (ISO 8601), None where no run was closed; ``runs`` are those since the day,
    ``lacking`` those of them without records, ``fault`` what is wrong with the log itself, empty where nothing is.
    Whether a run that is there is whole, ``verify`` tells. Raises ``EvidenceError`` where there is no key to check by.
    """
    lines = sitelog.lines(folder / LOG)
    found: dict[str, Any] = {"first": None, "runs": 0, "lacking": [], "fault": ""}
    if not lines:
        return found
    good, fault = checkpoint.verify(lines, keys.public_key(folder / keys.PUBLIC))
    were = sitelog.copied(folder / COPIED)
    cut = f"cut: {were} checkpoints went to the second place, here are {len(lines)}" if were > len(lines) else ""
    recent = [point.run for point in good if (day := sitelog.day(point.run)) is None or day >= since]
    return {
        "first": str(sitelog.day(good[0].run)) if good else None,
        "runs": len(recent),
        "lacking": [run for run in recent if not _there(folder / "runs" / run / RECORDS)],
        "fault": str(fault) if fault else cut,
    }


def _there(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
