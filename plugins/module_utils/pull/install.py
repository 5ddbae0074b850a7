"""The host's own program and what it needs: planned and placed with the accounts, in the same round trip.

The program is a zip of the very code that Ansible sent here for the accounts, so that a person is denied by one and the
same code whoever asks for it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import program as own
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import (
    Act,
    Change,
    Remove,
    Run,
    WriteFile,
    WriteProgram,
)
from ansible_collections.haechi.guard.plugins.module_utils.pki import held
from ansible_collections.haechi.guard.plugins.module_utils.pull import document, units
from ansible_collections.haechi.guard.plugins.module_utils.pull import run as whole

CONFIG = whole.CONFIG


def plan(pull: Mapping[str, Any]) -> Iterator[Change]:
    """Yield what makes the host hear who left by itself; nothing where policy has no authority."""
    if not pull:
        return
    unit_files = units.wanted(dict(pull["config"]), pull["serve"])
    texts = {CONFIG: _config(pull), document.SIGNERS: str(pull["signer"]), **unit_files}
    writes = [act for path, text in texts.items() for act in _file(path, text)]
    touched = {act.path for act in writes} & {*unit_files}
    acts = [*_gone(touched, unit_files), *_program(), *writes]
    acts += [Run(("systemctl", "daemon-reload"))] if touched else []
    acts += _started(touched, pull["serve"])
    if acts:
        yield Change("root", "the list that is fetched", "not as policy says", "as policy says", tuple(acts))


def confirm(pull: Mapping[str, Any]) -> None:
    """Write down that the control node, who signs the list, said just now which one is the newest.

    Whoever waited for a fresh one waits no longer. Raises ``OSError``.
    """
    if not pull:
        return
    try:
        mine = Path(held.HELD).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return
    if mine == pull["listed"]:
        held.confirm(held.sequence(mine), datetime.now(timezone.utc))  # noqa: UP017 - Python 3.11 on hosts
        whole.let_in(pull["config"])


def _config(pull: Mapping[str, Any]) -> str:
    return json.dumps(pull["config"], sort_keys=True, indent=1) + "\n"


def _program() -> Iterator[Act]:
    data = program()
    path = Path(units.PROGRAM)
    if not path.is_file() or path.read_bytes() != data:
        yield WriteProgram(units.PROGRAM, data)


def _file(path: str, text: str | None) -> Iterator[WriteFile | Remove]:
    place = Path(path)
    if text is None:
        if place.exists():
            yield Remove(path)
    elif not place.is_file() or place.read_text(errors="replace") != text:
        yield WriteFile(path, text)


def _gone(touched: set[str], unit_files: Mapping[str, str | None]) -> list[Act]:
    """Stop what is no longer served before its unit is removed."""
    name = f"{units.SERVE}.socket"
    path = f"{units.FOLDER}/{name}"
    stop = Run(("systemctl", "disable", "--quiet", "--now", name))
    return [stop] if path in touched and unit_files[path] is None else []


def _started(touched: set[str], serve: str | None) -> Iterator[Act]:
    links = units.enabled(serve)
    off = [unit for unit, link in links.items() if not Path(link).is_symlink()]
    if off:
        yield Run(("systemctl", "enable", "--quiet", *off))
    running = [unit for unit in links if unit.endswith((".timer", ".socket"))]
    asked = ("systemctl", "is-active", *running)
    said = subprocess.run(asked, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL).stdout.split()
    active = {unit for unit, word in zip(running, said, strict=False) if word == "active"}
    start = [unit for unit in running if unit not in active or f"{units.FOLDER}/{unit}" in touched]
    if start:
        yield Run(("systemctl", "restart", *start))


def program() -> bytes:
    """Return the program: every part of ours that is loaded now, ``pull.run`` and what it imports among them."""
    return own.build("pull.run", own.loaded())
