"""What renewal needs on a host, and on the authority's: files, a program, units. Planned first, then placed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import alarm, program, tree
from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.pki import x509
from ansible_collections.haechi.guard.plugins.module_utils.renewal import judge, request, run, serve, units

_WORDS = ("name", "path", "names", "addresses", "use", "user", "reload")


class InstallError(OSError):
    """systemd does not do what renewal needs; the text says what."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What differs: files, the program as ``(path, bytes)``, units that must run and do not, and those to stop."""

    steps: tuple[tree.Step, ...]
    program: tuple[str, bytes] | None
    idle: tuple[str, ...]
    stop: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return one line for each thing that differs and is no file of text."""
        rows = [f"{self.program[0]}: -> as this release has it"] if self.program else []
        return [*rows, *(f"{name}: stands still or is not enabled -> enabled and started" for name in self.idle)]


def on_host(desired: Mapping[str, Any]) -> Plan:
    """Return what a host lacks to have its certificates renewed; ``desired`` is the ``x509`` part of its recorder."""
    config = {"schema": 1, "days": desired["days"], **desired["renewal"]}
    config["leaves"] = [{word: leaf[word] for word in _WORDS} for leaf in desired["leaves"]]
    rows = {
        run.CONFIG: (_json(config), "0644"),
        f"{units.FOLDER}/{units.NAME}.service": (units.SERVICE, "0644"),
        f"{units.FOLDER}/{units.NAME}.timer": (units.TIMER, "0644"),
        f"{units.FOLDER}/{units.FINISH}.service": (units.AT_BOOT, "0644"),
    }
    made = program.build("renewal.run", [part.__name__ for part in (alarm, files, x509, judge, request, run)])
    return plan(rows, (units.PROGRAM, made), {f"{units.NAME}.timer": True, f"{units.FINISH}.service": False})


def on_authority(folder: Path, desired: Mapping[str, Any] | None) -> Plan:
    """Return what the authority's host lacks to renew; None where nobody has a certificate: then what is too much."""
    socket, answer = (f"{units.FOLDER}/{units.SERVE}{end}" for end in (".socket", "@.service"))
    if desired is None:
        stop = (f"{units.SERVE}.socket",) if Path(socket).exists() else ()
        paths = (socket, answer, str(folder / serve.LEAVES))
        return Plan(
            steps=tree.plan({path: tree.observe(path) for path in paths}, (), paths), program=None, idle=(), stop=stop
        )
    told = {"schema": 1, "days": desired["days"], "leaves": desired["leaves"]}
    rows = {
        str(folder / serve.LEAVES): (_json(told), "0600"),
        socket: (units.listening(desired["address"], desired["port"]), "0644"),
        answer: (units.ANSWER, "0644"),
    }
    register = folder / x509.REGISTER
    if not register.is_file():  # what is not there cannot be made writable for one unit
        rows[str(register)] = ("", "0600")
    made = program.build("renewal.serve", [part.__name__ for part in (x509, judge, request, serve)])
    return plan(rows, (units.SERVER, made), {f"{units.SERVE}.socket": True})


def apply(plan: Plan) -> None:
    """Place what differs, and start what stands still or was changed.

    Raises ``InstallError`` where systemd refuses.
    """
    if plan.stop:
        _systemctl("disable", "--quiet", "--now", *plan.stop)
    if plan.program:
        files.write(plan.program[0], plan.program[1], mode=0o755, uid=0, gid=0)
    for step in plan.steps:
        tree.put(step.path, step.after)
    changed = {Path(step.path).name for step in plan.steps if step.path.startswith(units.FOLDER)}
    if changed:
        _systemctl("daemon-reload")
    if plan.idle:
        _systemctl("enable", "--quiet", *plan.idle)
    start = {name for name in (*plan.idle, *changed) if name.endswith((".timer", ".socket", ".path"))} - {*plan.stop}
    if start:
        _systemctl("restart", *sorted(start))


def plan(rows: Mapping[str, tuple[str, str]], made: tuple[str, bytes], wanted: Mapping[str, bool]) -> Plan:
    """Return what differs from ``rows``, path to text and mode, and from a program.

    ``wanted`` are the units to be enabled, and whether each must run too.
    """
    texts = tree.wanted(
        {"path": path, "content": text, "mode": mode, "owner": "root", "group": "root"}
        for path, (text, mode) in rows.items()
    )
    steps = tree.plan({file.path: tree.observe(file.path) for file in texts}, texts, ())
    place = Path(made[0])
    stale = not place.is_file() or place.read_bytes() != made[1]
    return Plan(steps=steps, program=made if stale else None, idle=_idle(wanted))


def _idle(wanted: Mapping[str, bool]) -> tuple[str, ...]:
    """Return the units that are not enabled, or should run and do not."""
    argv = ["systemctl", "show", "--property", "Id,ActiveState,UnitFileState", *wanted]
    shown = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL).stdout
    rows = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in shown.split("\n\n")]
    good = {
        row.get("Id")
        for row in rows
        if row.get("UnitFileState") == "enabled"
        and (row.get("ActiveState") == "active" or not wanted.get(row.get("Id", ""), True))
    }
    return tuple(name for name in wanted if name not in good)


def _json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, indent=1) + "\n"


def _systemctl(*arguments: str) -> None:
    argv = ["systemctl", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise InstallError(f"`{' '.join(argv)}` failed: {(done.stderr or done.stdout).strip()[-300:]}")
