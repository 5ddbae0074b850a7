"""Whoever watches Suricata: that it reads its queue, that it answers, that it keeps up; an alarm where it does not.

One that does not answer is killed and started anew by systemd: while it holds the queue and takes nothing out of it,
even an open pair waits until the queue is full (`fail-open` of the kernel acts only then).
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.ids import console, units

QUEUE, LOG = "/proc/net/netfilter/nfnetlink_queue", "/proc/net/netfilter/nfnetlink_log"
EVERY_S = 5.0
# A machine under load answers late; to kill one that inspects would cut what it should keep.
PATIENT = 4
# Suricata asks the kernel for a queue of four times its pending packets (1024).
NEARLY_FULL = 3500
SILENT = "Suricata does not answer"
MEANS = {
    "open": "what it should inspect passes uninspected",
    "closed": "what it should inspect is cut",
    "detect": "nobody looks at what it should see",
}


@dataclass(frozen=True)
class Seen:
    """An instance at one moment: who reads its queue (0: nobody), packets that wait or are lost.

    ``silent`` is how many looks in a row that reader has not answered.
    """

    reader: int
    silent: int
    waiting: int = 0
    lost: int = 0


NOBODY = Seen(0, 0)


def look(name: str, before: Seen = NOBODY) -> Seen:
    """Look at one instance, once more than ``before``."""
    row = rows(Path(LOG if name == "detect" else QUEUE)).get(units.NUMBERS[name])
    try:
        console.ask(name, "uptime")
        answers = True
    except (OSError, ValueError):
        answers = False
    reader = 0 if row is None else row[1]
    # One that has just started has another number, and time to answer.
    silent = 0 if answers else 1 + (before.silent if before.reader == reader else 0)
    if row is None or name == "detect":
        return Seen(reader, silent)
    return Seen(reader, silent, row[2], row[5] + row[6])


def rows(path: Path) -> dict[int, list[int]]:
    """Return the kernel's lines of queues or groups by their number; none where nobody listens.

    A queue's: number, port of the listener, waiting, copy mode and range, dropped as it was full, dropped as the
    listener took no more, last packet's number, 1 (net/netfilter/nfnetlink_queue.c).
    """
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    found = [list(map(int, line.split())) for line in lines if line.strip()]
    return {row[0]: row for row in found}


def complaint(before: Seen, now: Seen) -> str:
    """Return what is wrong at two looks, one after the other; empty where nothing is."""
    if not now.reader and not before.reader:
        return "nobody reads its queue"
    if now.reader and now.silent >= PATIENT:
        return SILENT
    if now.lost > before.lost:
        return f"{now.lost - before.lost} packets were lost since the last look: Suricata does not keep up"
    if min(before.waiting, now.waiting) >= NEARLY_FULL:
        return f"{now.waiting} packets wait: Suricata does not keep up"
    return ""


def tell(name: str, before: Seen, now: Seen) -> None:
    """Raise or clear an instance's alarm, and end one that stands still."""
    what = complaint(before, now)
    if not what:
        alarm.clear(f"ids-{name}")
        return
    alarm.raise_alarm(f"ids-{name}", f"{units.service(name)}: {what}; {MEANS[name]}")
    if what == SILENT:
        subprocess.run(["systemctl", "kill", "-s", "KILL", units.service(name)], check=False, capture_output=True)


def watch(names: Sequence[str], rest: Callable[[float], None] = time.sleep) -> None:
    """Go on for ever."""
    before = {name: look(name) for name in names}
    while True:
        rest(EVERY_S)
        now = {name: look(name, before[name]) for name in names}
        for name in names:
            tell(name, before[name], now[name])
        before = now
