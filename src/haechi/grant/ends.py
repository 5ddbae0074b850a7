"""When each grant ended, as its hosts tell: written into the evidence once, and named while nobody saw it.

A grant ends by its host's own clock, so the control node hears of it when it next looks. What it heard lies beside the
request (``ended.json``, by host), so that no later look writes it again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from haechi.evidence import EvidenceError, files
from haechi.grant import GrantError, ledger
from haechi.observe.granted import Grant
from haechi.policy.models import Policy

WHAT = "grant-ends"
ENDED, TOLD = "ended.json", "told.json"


def tell(state: Path, name: str, hosts: list[str]) -> None:
    """Remember which hosts took a grant. Raises ``EvidenceError``."""
    path = state / ledger.FOLDER / name / TOLD
    files.swap(path, json.dumps(sorted({*hosts, *_read(path, [])})).encode())


def heard(state: Path, policy: Policy, grants: Mapping[str, tuple[Grant, ...]]) -> list[dict[str, Any]]:
    """Keep what hosts tell of ended grants, and return as records what nobody had heard before.

    Raises ``EvidenceError`` where it cannot be kept: then nothing is said to be on record.
    """
    known = {name: _read(state / ledger.FOLDER / name / ENDED, {}) for name in ledger.ids(state)}
    found: dict[str, dict[str, Any]] = {}
    for host, rows in grants.items():
        for row in rows:
            if row.ended is not None and host not in known.get(row.id, {host: None}):
                found.setdefault(row.id, {})[host] = _end(row)
    for name, ends in found.items():
        files.swap(state / ledger.FOLDER / name / ENDED, json.dumps(known[name] | ends, sort_keys=True).encode())
    return [
        {"what": "grant ended", "host": host, **_asked(state, policy, name), **end}
        for name, ends in sorted(found.items())
        for host, end in sorted(ends.items())
    ]


def _end(row: Grant) -> dict[str, Any]:
    told = row.model_dump(include={"ended", "why", "killed", "booted", "rules", "running"})
    return {**told, "person": row.person, "until": row.until}


def _asked(state: Path, policy: Policy, name: str) -> dict[str, Any]:
    """Return who asked for what and why; of a record that no longer holds nothing but that."""
    try:
        entry = ledger.read(state, policy, name)
    except (GrantError, EvidenceError) as error:
        return {"id": name, "request": f"not read: {error}"}
    return {**ledger.row(entry), "reason": entry.request.reason}


def register(state: Path, at: datetime) -> list[dict[str, Any]]:
    """Return every grant that hosts took and whose time is over, by host, with its end if it was seen.

    Raises ``EvidenceError`` for a record that cannot be understood.
    """
    return [row for name in ledger.ids(state) for row in _over(state / ledger.FOLDER / name, at)]


def _over(folder: Path, at: datetime) -> Iterator[dict[str, Any]]:
    if not (folder / ledger.GRANTED).exists():
        return
    try:
        asked = json.loads(files.read(folder / ledger.ASKED))
        until = datetime.fromisoformat(asked["until"])
        hosts = {*_read(folder / TOLD, asked["hosts"]), *(ended := _read(folder / ENDED, {}))}
    except (ValueError, KeyError, TypeError) as error:
        raise EvidenceError(f"{folder}: no record of a grant ({error}): restore it from backup") from error
    if until > at and not (folder / ledger.WITHDRAWN).exists():
        return
    for host in sorted(hosts):
        seen = ended.get(host, {})
        yield {
            "id": folder.name,
            "person": asked["person"],
            "host": host,
            "until": int(until.timestamp()),
            **{word: seen.get(word) for word in ("ended", "why", "booted")},
        }


def _read(path: Path, nothing: Any) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return nothing
    except (OSError, ValueError) as error:
        raise EvidenceError(f"{path}: cannot be read ({error}): restore it from backup") from error
