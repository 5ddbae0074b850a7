"""The canary: a datagram on loopback that goes through an instance's queue and must come to be a line of its log."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.ids import own, units

ADDRESS, PORT = "127.0.77.{}", 9
PATIENCE_S, AGAIN_S = 60.0, 5.0
# Of a day's log with an attack in it; the canary fires twice a day.
MOST_BYTES = 16 << 20
_MARK = f'"signature_id":{own.CANARY}'.encode()


def fire(names: Sequence[str]) -> int:
    """Fire each instance's, and raise an alarm for one that does not arrive; return how many did not."""
    begun = datetime.now(UTC)
    until, missing, due = time.monotonic() + PATIENCE_S, list(names), 0.0
    while missing and time.monotonic() < until:
        if time.monotonic() >= due:
            # Again: one that starts anew may have missed the first.
            for name in missing:
                send(name)
            due = time.monotonic() + AGAIN_S
        time.sleep(0.5)
        missing = [name for name in missing if (last(name) or datetime.min.replace(tzinfo=UTC)) < begun]
    for name in names:
        if name in missing:
            words = f"the canary of {units.service(name)} did not arrive in {units.LOGS}/{name}.json"
            alarm.raise_alarm(f"ids-canary-{name}", words)
        else:
            alarm.clear(f"ids-canary-{name}")
    return len(missing)


def send(name: str) -> None:
    """Send an instance its datagram."""
    words = own.CANARY_WORD + datetime.now(UTC).isoformat().encode()
    # A closed queue that nobody reads refuses it; that it does not arrive is told anyway.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line, contextlib.suppress(OSError):
        line.sendto(words, (ADDRESS.format(units.NUMBERS[name]), PORT))


def last(name: str, folder: str = units.LOGS) -> datetime | None:
    """Return when an instance's log says that it saw the canary, in today's file or the one before."""
    for path in (Path(folder, f"{name}.json"), Path(folder, f"{name}.json.1")):
        times = [datetime.fromisoformat(row["timestamp"]) for row in _alerts(path)]
        if times:
            return max(times)
    return None


def _alerts(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - MOST_BYTES))
            lines = [line for line in file.read().split(b"\n") if _MARK in line]
    except OSError:
        return
    for line in lines:
        with contextlib.suppress(ValueError):
            row = json.loads(line)
            if row.get("event_type") == "alert" and row["alert"].get("signature_id") == own.CANARY:
                yield row
