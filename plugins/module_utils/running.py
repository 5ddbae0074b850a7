"""Programs that must succeed, and units of systemd that must be enabled and run."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable


def lacking(names: Iterable[str]) -> dict[str, str]:
    """Return the units that are not enabled, or do not run, with what is to be done."""
    shown = ("--property", "Id,ActiveState,UnitFileState")
    done = subprocess.run(["systemctl", "show", *shown, *names], capture_output=True, text=True, check=False)
    found: dict[str, str] = {}
    for block in done.stdout.strip().split("\n\n"):
        row = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        good = row.get("ActiveState") == "active" and row.get("UnitFileState") == "enabled"
        found |= {} if good else {row.get("Id", "systemd"): "stands still or is not enabled -> enabled and started"}
    return found


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program that may fail, with nothing to read."""
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def must(error: type[Exception], *command: str) -> str:
    """Run a program that has to succeed; return what it says. Raises ``error`` with the program's own words."""
    done = run(*command)
    if done.returncode:
        raise error(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip()[-1500:]}")
    return done.stdout
