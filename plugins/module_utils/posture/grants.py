"""Privilege for a time, as the host has it: rules, records, and whether anything of an ended one still runs; alarms."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.accounts import state
from ansible_collections.haechi.guard.plugins.module_utils.grants import ending
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import Question, Reader, names, read

MOST = 200


def grants(_: Question) -> Reader:
    """Every grant that has a record or rules here."""
    return _grants


def _grants() -> list[dict[str, Any]]:
    rules = {name[-16:]: match[1] for name in names(str(ending.SUDOERS)) if (match := state.GRANT.fullmatch(name))}
    records = {name[:-5]: _record(name) for name in names(str(ending.STATE)) if name.endswith(".json")}
    known = sorted({*rules, *records}, key=lambda name: -(records.get(name) or {}).get("until", 1 << 40))
    seen = ending.look() if records else {}
    marks = ending.marked(seen)
    left = {name: len(ending.running(record, seen, marks)) for name, record in records.items()}
    return [_row(name, rules.get(name), records.get(name), left.get(name, 0)) for name in known[:MOST]]


def _row(name: str, holder: str | None, record: dict[str, Any] | None, left: int) -> dict[str, Any]:
    return {
        "id": name,
        "person": record["person"] if record else holder,
        "until": record["until"] if record else None,
        "ended": record["ended"] if record else None,
        "why": record.get("why", "") if record else "",
        "killed": record.get("killed") if record else None,
        "booted": record.get("booted") if record else None,
        "rules": holder is not None,
        "running": left,
    }


def _record(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read(f"{ending.STATE}/{name}"))
    return found


def alarms(_: Question) -> Reader:
    """Alarms that nobody has taken away yet."""
    return _alarms


def _alarms() -> list[dict[str, Any]]:
    files = [name for name in names(str(alarm.ALARMS)) if name.endswith(".json") and not name.startswith(".")]
    found = [json.loads(read(f"{alarm.ALARMS}/{name}")) for name in files[:MOST]]
    return [{"name": row["name"], "at": row["at"], "what": row["what"]} for row in found]
