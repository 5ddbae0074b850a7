"""Files as they are and as they must be, and the difference: what a guarded change is made of."""

from __future__ import annotations

import grp
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class File:
    """One file; ``content`` None means that it is, or must be, absent."""

    path: str
    content: bytes | None
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True)
class Change:
    """One file that differs."""

    before: File
    after: File


def wanted(entry: dict[str, Any]) -> File:
    """Return the file that a task asks for.

    Raises ``ValueError`` for a path that is not absolute or a mode that is not octal, ``KeyError`` for an
    owner or group that the host does not know.
    """
    path, content = str(entry["path"]), entry.get("content")
    if not path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"{path!r} is no absolute path")
    if content is None:
        return File(path, None)
    uid = pwd.getpwnam(entry.get("owner") or "root").pw_uid
    gid = grp.getgrnam(entry.get("group") or "root").gr_gid
    return File(path, str(content).encode(), int(str(entry.get("mode") or "0644"), 8), uid, gid)


def current(path: str) -> File:
    """Return a file as it is on the host.

    Raises ``ValueError`` for a link: put back as a file, it would lead elsewhere than before.
    """
    place = Path(path)
    if place.is_symlink():
        raise ValueError(f"{path} is a symbolic link: put a file in its place; nothing was changed")
    try:
        status = place.stat()
        content = place.read_bytes()
    except FileNotFoundError:
        return File(path, None)
    return File(path, content, status.st_mode & 0o7777, status.st_uid, status.st_gid)


def same(one: File, two: File) -> bool:
    """Return whether nothing must be done; what is absent has no mode."""
    return one == two or (one.content is None and two.content is None)


def plan(before: list[File], after: list[File]) -> tuple[Change, ...]:
    """Return the files that differ; empty means that nothing must be done."""
    return tuple(Change(b, a) for b, a in zip(before, after, strict=True) if not same(b, a))


def differs(entry: dict[str, Any]) -> bool:
    """Return whether a file is not what a task asks for; one that cannot be judged differs, and is refused later."""
    try:
        return not same(current(entry["path"]), wanted(entry))
    except (ValueError, KeyError, OSError):
        return True


def diff(changes: tuple[Change, ...]) -> list[dict[str, str]]:
    """Return the changes as Ansible shows them."""
    return [
        {
            "before_header": change.before.path,
            "after_header": change.after.path,
            "before": _text(change.before),
            "after": _text(change.after),
        }
        for change in changes
    ]


def _text(file: File) -> str:
    if file.content is None:
        return ""
    return f"# mode {file.mode:04o} owner {file.uid}:{file.gid}\n{file.content.decode(errors='replace')}"


def space(changes: tuple[Change, ...]) -> int:
    """Return the bytes that a change needs: the saved old files, the new ones beside them, and a margin."""
    sizes = (len(c.before.content or b"") + len(c.after.content or b"") for c in changes)
    return 2 * sum(sizes) + 1024 * 1024
