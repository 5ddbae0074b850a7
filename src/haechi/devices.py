"""Which firmware devices run that Haechi does not: what somebody read there, recorded with its day.

Read from a sheet (CSV: ``device,model,version,seen``), or from what Ansible's modules for network devices told
(``ansible -m <vendor>.<os>.<os>_facts --tree FOLDER``: one JSON file a device, with ``ansible_net_version``).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from haechi import signing, tombstones
from haechi.policy.models import Policy

SCHEMA = 1
FILE = "devices.json"
COLUMNS = ("device", "model", "version", "seen")
LONGEST = 400


class DeviceError(Exception):
    """What was given is no reading of devices, or the record cannot be read; the text says how to mend it."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What ran on a device on a day (ISO 8601), and who says so."""

    device: str
    model: str
    version: str
    seen: str
    by: str = ""


def read(state: Path) -> tuple[Reading, ...]:
    """Return the newest reading of each device. Raises ``DeviceError``."""
    path = state / FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Reading(**row) for row in document["devices"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DeviceError(f"{path}: no record of devices ({error}): restore it from backup") from error


def record(state: Path, readings: Iterable[Reading], by: str) -> tuple[Reading, ...]:
    """Keep readings beside those of other devices; one of an earlier day replaces nothing. Return what is new."""
    with tombstones.locked(state):
        held = {one.device: one for one in read(state)}
        new = [replace(one, by=by) for one in readings if one.device not in held or one.seen >= held[one.device].seen]
        rows = held | {one.device: one for one in new}
        told = {"schema": SCHEMA, "devices": document(rows[name] for name in sorted(rows))}
        signing.swap(state / FILE, f"{json.dumps(told, indent=1, ensure_ascii=False)}\n".encode())
    return tuple(new)


def document(rows: Iterable[Reading]) -> list[dict[str, Any]]:
    """Return rows as JSON has them."""
    return [asdict(row) for row in rows]


def sheet(data: bytes) -> list[Reading]:
    """Return the readings of a CSV sheet in UTF-8. Raises ``DeviceError`` that names every line at fault."""
    try:
        rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        lacking = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
        if lacking:
            raise DeviceError(f"line 1: no column {', '.join(lacking)}: its first line is {','.join(COLUMNS)}")
        found = [(rows.line_num, {name: (row[name] or "").strip() for name in COLUMNS}) for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DeviceError(f"no CSV in UTF-8: {error}: save it as CSV UTF-8") from error
    faults = [f"line {line}: {fault}" for line, row in found if (fault := _fault(row))]
    if faults:
        raise DeviceError("; ".join(faults))
    return [Reading(**row) for _, row in found]


def facts(folder: Path, seen: date) -> list[Reading]:
    """Return the readings in the folder that ``ansible --tree`` wrote on a day.

    Raises ``DeviceError`` that names every file without ``ansible_net_version`` and ``ansible_net_model``.
    """
    told = [(path.name, _net(path)) for path in sorted(folder.iterdir()) if path.is_file()]
    rows = [
        (name, {"device": name, "model": net.get("model", ""), "version": net.get("version", ""), "seen": str(seen)})
        for name, net in told
    ]
    faults = [f"{name}: {fault}" for name, row in rows if (fault := _fault(row))]
    if faults:
        raise DeviceError("; ".join(faults))
    return [Reading(**row) for _, row in rows]


def refuse_strange(policy: Policy, rows: list[Reading], today: date) -> None:
    """Raise ``DeviceError`` for readings of a device that policy lacks, two of one, and those of a day to come."""
    names = [row.device for row in rows]
    faults = [
        *(f"{name} is no device of firmware.devices" for name in sorted({*names} - {*policy.firmware.devices})),
        *(f"{name} stands there twice" for name in sorted({name for name in names if names.count(name) > 1})),
        *(f"{row.device} was seen on {row.seen}, which has not come" for row in rows if row.seen > str(today)),
    ]
    if faults:
        raise DeviceError("; ".join(faults))


def _net(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["ansible_facts"]
        return {word: str(found[f"ansible_net_{word}"]) for word in ("model", "version")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _fault(row: Mapping[str, str]) -> str:
    """Return what is wrong with a row; empty where nothing is."""
    empty = [name for name in COLUMNS if not row[name]]
    if empty:
        return f"no {' and no '.join(empty)}"
    if any(len(text) > LONGEST or not text.isprintable() for text in row.values()):
        return f"a text with control characters, or of more than {LONGEST} characters"
    try:
        whole = date.fromisoformat(row["seen"]).isoformat() == row["seen"]
    except ValueError:
        whole = False
    return "" if whole else f"seen is {row['seen']!r}: write YYYY-MM-DD"
