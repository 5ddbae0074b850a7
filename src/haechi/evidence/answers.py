"""What hosts answered, as records keep it and as judges take it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from haechi.evidence import canonical

ANSWERED = {"posture", "probe"}
RECORD = "record"


def body(host: str, answer: object) -> dict[str, Any]:
    """Return an answer as a record's body, with the host it came from: what it calls itself is its own affair."""
    if isinstance(answer, dict) and "host" not in answer:
        return {**canonical.storable(answer), "host": host}
    return {**canonical.raw(answer), "host": host}


def answer(kept: Mapping[str, Any]) -> Any:
    """Return the answer that a body keeps."""
    return canonical.restored({name: value for name, value in kept.items() if name != "host"})


def kept(records: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Return what a run read of registers and sign-offs, in the shape that ``audit.judge`` takes."""
    return [canonical.restored(record["body"]) for record in records if record["kind"] == RECORD]


def of(records: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return each host's answer in the shape that ``audit.judge`` takes, from the records of a run."""
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        if record["kind"] not in ANSWERED:
            continue
        kept = record["body"]
        mine = found.setdefault(str(kept["host"]), {"probes": []})
        if record["kind"] == "probe":
            mine["probes"].append(answer(kept))
        elif "unknown" in kept and canonical.RAW not in kept:
            mine["unknown"] = kept["unknown"]
        else:
            mine["observation"] = answer(kept)
    return found
