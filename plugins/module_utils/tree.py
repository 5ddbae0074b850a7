"""A tree of files as it is and as it should be, and the plan between them."""

from __future__ import annotations

import contextlib
import difflib
import fnmatch
import grp
import os
import pwd
import stat
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.baseline import files


class TreeError(RuntimeError):
    """A follow-up failed; the old files are back."""


@dataclass(frozen=True)
class File:
    """A file as it is or should be; ``data`` is ``None`` for what is no regular file, a ``secret`` is never shown."""

    path: str
    data: bytes | None
    mode: int
    owner: str = "root"
    group: str = "root"
    secret: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Step:
    """One path that differs: ``before`` absent means create, ``after`` absent means remove."""

    path: str
    before: File | None
    after: File | None


def wanted(raw: Iterable[Mapping[str, Any]]) -> tuple[File, ...]:
    """Read the files that must be there as the action plugin sends them."""
    return tuple(
        File(
            row["path"],
            row["content"].encode(),
            int(row["mode"], 8),
            row["owner"],
            row["group"],
            secret=row.get("secret", False),
        )
        for row in raw
    )


def observe(path: str) -> File | None:
    """Look at one path without following a link."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    data = Path(path).read_bytes() if stat.S_ISREG(status.st_mode) else None
    try:
        owner, group = pwd.getpwuid(status.st_uid).pw_name, grp.getgrgid(status.st_gid).gr_name
    except KeyError:
        owner, group = str(status.st_uid), str(status.st_gid)
    return File(path, data, stat.S_IMODE(status.st_mode), owner, group)


def plan(now: Mapping[str, File | None], files_wanted: Iterable[File], absent: Iterable[str]) -> tuple[Step, ...]:
    """Return the steps from what is to what should be; empty means nothing to do."""
    steps = [Step(new.path, now[new.path], new) for new in files_wanted if now[new.path] != new]
    return (*steps, *(Step(path, now[path], None) for path in absent if now[path] is not None))


def due(changed: Iterable[str], follow_ups: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, ...], ...]:
    """Return the commands whose patterns name a changed path, each once, in the order declared."""
    paths = list(changed)
    found: list[tuple[str, ...]] = []
    for row in follow_ups:
        hit = any(fnmatch.fnmatch(path, pattern) for path in paths for pattern in row["paths"])
        found += [tuple(argv) for argv in row["run"] if hit and tuple(argv) not in found]
    return tuple(found)


def text(file: File | None) -> str:
    """Return what a diff shows of a file."""
    if file is None:
        return ""
    if file.data is None:
        return "(not a regular file)\n"
    return file.data.decode(errors="replace")


def label(file: File | None) -> str:
    """Return a file's mode and owner for a diff's head line."""
    return "absent" if file is None else f"{file.owner}:{file.group} {file.mode:04o}"


def diff(step: Step) -> dict[str, str]:
    """Return one entry of Ansible's diff; equal contents mean that mode or owner differ."""
    if _hidden(step):
        return {"prepared": f"{step.path}: {label(step.before)} -> {label(step.after)}, a secret: not shown\n"}
    rows = difflib.unified_diff(
        text(step.before).splitlines(keepends=True),
        text(step.after).splitlines(keepends=True),
        f"{step.path} ({label(step.before)})",
        f"{step.path} ({label(step.after)})",
    )
    shown = "".join(rows) or f"{step.path}: {label(step.before)} -> {label(step.after)}\n"
    return {"prepared": shown}


def _hidden(step: Step) -> bool:
    """Return whether a text is a secret. Of a file that goes away only its mode tells: nobody else might read it."""
    if step.after is not None:
        return step.after.secret
    return step.before is not None and step.before.data is not None and not step.before.mode & 0o077


def put(path: str, file: File | None) -> None:
    """Make one path what ``file`` says; a link or pipe that was there is replaced, not followed."""
    if file is None or file.data is None:
        with contextlib.suppress(FileNotFoundError):
            Path(path).unlink()
            files.sync(Path(path).parent)
        return
    uid, gid = files.ids(file.owner, file.group)
    files.write(path, file.data, mode=file.mode, uid=uid, gid=gid)


def restore(steps: Iterable[Step]) -> None:
    """Put the old files back; what was no regular file cannot come back and keeps its new content."""
    for step in steps:
        if step.before is None or step.before.data is not None:
            put(step.path, step.before)


def make(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Compare the tree with the host, write what differs, run the follow-ups of what changed.

    Returns ``{changed, paths, ran, diff}``. Raises ``TreeError`` where a follow-up fails: the next run tries again.
    """
    files_wanted = wanted(asked["files"])
    paths = [*(file.path for file in files_wanted), *asked["absent"]]
    steps = plan({path: observe(path) for path in paths}, files_wanted, asked["absent"])
    commands = due([step.path for step in steps], asked["follow_ups"])
    for step in () if check else steps:
        put(step.path, step.after)
    for argv in () if check else commands:
        complaint = _follow(argv)
        if complaint:
            # With the new files left in place the next run would see no difference, and never try the follow-up again.
            restore(steps)
            raise TreeError(f"`{' '.join(argv)}` failed after a change, the old files are back: {complaint}")
    return {
        "changed": bool(steps),
        "paths": [step.path for step in steps],
        "ran": [" ".join(argv) for argv in commands],
        "diff": [diff(step) for step in steps],
    }


def _follow(argv: tuple[str, ...]) -> str:
    """Run one follow-up; return what it complained of, or nothing."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return (done.stderr or done.stdout or f"exit code {done.returncode}").strip() if done.returncode else ""
