"""How often each flow's rules let somebody in or out, since when that is known."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import (
    NotSeenError,
    Question,
    Reader,
    ask,
    read,
    read_if,
)
from ansible_collections.haechi.guard.plugins.module_utils.posture.firewall import FILE

# Of the role firewall: what the counters said before each load of new rules.
HARVEST = "/var/lib/haechi/firewall/counters.jsonl"
TABLE, PREFIX = "inet haechi", "flow-"
MOST = 200


def flows(_: Question) -> Reader:
    """Counters of this boot: those in the kernel, and what others said before rules were loaded anew."""
    answer = ask("nft", "-j", "list", "counters", "table", *TABLE.split())

    def seen() -> dict[str, Any]:
        booted = boot(read("/proc/1/stat"), read("/proc/stat"), os.sysconf("SC_CLK_TCK"))
        before = harvested(read_if(HARVEST), booted)
        # Loaded at boot, or when the file was last written; whoever loads it harvests first.
        since = max([booted, Path(FILE).stat().st_mtime, *(time for time, _ in before)])
        return {
            "booted": _iso(booted),
            "since": _iso(since),
            "counters": counters(answer.json()),
            "harvested": [{"at": _iso(time), "counters": counts} for time, counts in before[-MOST:]],
        }

    return seen


def boot(first: str, system: str, ticks: int) -> float:
    """Return when the first process began, in seconds since 1970: a container's boot is not its machine's (proc(5)).

    Raises ``NotSeenError`` where the kernel does not say.
    """
    began = [line.split()[1] for line in system.splitlines() if line.startswith("btime ")]
    # The command's name may hold anything, so that fields are counted from its closing bracket.
    fields = first.rpartition(")")[2].split()
    if not began or len(fields) < 20:  # noqa: PLR2004 - starttime is the 22nd field of all, two stand before the bracket
        raise NotSeenError("the time of the boot")
    return int(began[0]) + int(fields[19]) / ticks


def counters(listing: dict[str, Any]) -> dict[str, int]:
    """Return flow -> packets of ``nft -j list counters``; a packet counts once a connection, its first."""
    found = [item["counter"] for item in listing["nftables"] if "counter" in item]
    return {row["name"][len(PREFIX) :]: row["packets"] for row in found if row["name"].startswith(PREFIX)}


def harvested(text: str, booted: float) -> list[tuple[float, dict[str, int]]]:
    """Return the times and counts of this boot's harvests, oldest first."""
    rows = [json.loads(line) for line in text.splitlines()]
    return [
        (row["time"], {name[len(PREFIX) :]: counts[0] for name, counts in row["counters"].items()})
        for row in rows
        if row["table"] == TABLE and row["time"] >= booted
    ]


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")  # noqa: UP017 - Python 3.11 on hosts
