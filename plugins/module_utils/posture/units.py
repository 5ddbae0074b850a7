"""systemd: unit files, units, timers; and the state of the few units that other sections ask about."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import Question, Reader, ask, names

ASKED = (
    "ssh.service",
    "ssh.socket",
    "haechi-firewall.service",
    "haechi-guard-rollback.service",
    "systemd-journald.service",
    "systemd-timesyncd.service",
    "chrony.service",
    "ntpsec.service",
    "openntpd.service",
)
_PROPERTIES = "Names,LoadState,ActiveState,UnitFileState,MainPID"


@functools.lru_cache(maxsize=1)
def states() -> Callable[[], dict[str, dict[str, str]]]:
    """Ask once for all units that other sections need; return what reads the answer: name to property to value."""
    answer = ask("systemctl", "show", "--property", _PROPERTIES, *ASKED)
    return lambda: blocks(answer.text())


def blocks(text: str) -> dict[str, dict[str, str]]:
    """Return ``systemctl show``'s blocks, by the names that were asked.

    Raises ``ValueError`` where systemd did not answer for each.
    """
    found = {}
    for block in text.strip().split("\n\n"):
        row = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        for name in row.get("Names", "").split():
            found[name] = row
    missing = [name for name in ASKED if name not in found]
    if missing:
        raise ValueError(f"systemctl says nothing about {', '.join(missing)}")
    return found


def enabled(row: dict[str, str]) -> str:
    """Return the word of ``systemctl is-enabled``."""
    return row.get("UnitFileState") or "not-found"


def units(_: Question) -> Reader:
    """Return unit files with their states, init scripts that have none, and units that run or failed."""
    files = ask("systemctl", "list-unit-files", "--output", "json")
    loaded = ask("systemctl", "list-units", "--all", "--full", "--output", "json")

    def seen() -> dict[str, Any]:
        rows = loaded.json()
        return {
            "files": with_scripts({row["unit_file"]: row["state"] for row in files.json()}, names("/etc/init.d")),
            "active": sorted(row["unit"] for row in rows if row["active"] in {"active", "reloading", "activating"}),
            "failed": sorted(row["unit"] for row in rows if row["active"] == "failed"),
        }

    return seen


def with_scripts(files: dict[str, str], scripts: list[str]) -> dict[str, str]:
    """Add the scripts of /etc/init.d that no unit file stands for."""
    # systemd-sysv-generator(8) names its units after the scripts, without `.sh`.
    return {f"{name.removesuffix('.sh')}.service": "init.d" for name in scripts if name != "README"} | files


def timers(_: Question) -> Reader:
    """Timers that wait for their time, and what each starts."""
    answer = ask("systemctl", "list-timers", "--output", "json")
    return lambda: {"active": {row["unit"]: row["activates"] or "" for row in answer.json()}}
