"""Drills on record: read back, and only what the evidence vouches for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from haechi.evidence import EvidenceError, keys
from haechi.report import source
from haechi.review import ReviewError
from haechi.review import stored as runs_of
from haechi.seal import drill

VERB = "incident_drill"
# Two a year are made; more than these are of years ago.
NEWEST = 40
KEPT = ("account", "sealed", "holders", "left_out", "ok")


def drills(folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the newest drills that the evidence vouches for, oldest first, and in words why others do not count.

    A run that tried nothing (shares that gave no secret, say) is none. Raises ``EvidenceError`` where there is no key
    to check by.
    """
    found: list[dict[str, Any]] = []
    faults: list[str] = []
    names = runs_of.names(folder, VERB)[-NEWEST:]
    if names:
        key = keys.public_key(folder / keys.PUBLIC)
        for run in names:
            try:
                found += _rows(folder, run, key)
            except (ReviewError, EvidenceError) as error:
                faults.append(f"{run}: {error}")
            except (KeyError, TypeError, AttributeError):
                faults.append(f"{run}: holds no drill that this version can read")
    return found, faults


def _rows(folder: Path, run: str, key: Ed25519PublicKey) -> list[dict[str, Any]]:
    lines, records = runs_of.run_records(folder, run)
    if source.verified(folder, run, lines, key) is not True:
        raise ReviewError("its evidence does not verify")
    return [_row(run, one) for one in records if one["kind"] == drill.KIND]


def _row(run: str, record: dict[str, Any]) -> dict[str, Any]:
    body = record["body"]
    bad = {host: str(row["fault"]) for host, row in body["hosts"].items() if row["fault"]}
    return {
        "run": run,
        "at": record["at"],
        **{name: body[name] for name in KEPT},
        "hosts": list(body["hosts"]),
        "bad": bad,
    }
