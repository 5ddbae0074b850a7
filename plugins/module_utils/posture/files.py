"""Modes of the files that guides name, and the walk over all local file systems."""

from __future__ import annotations

import functools
import glob
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts import left
from ansible_collections.haechi.guard.plugins.module_utils.baseline import filesystems
from ansible_collections.haechi.guard.plugins.module_utils.baseline import walk as baseline_walk
from ansible_collections.haechi.guard.plugins.module_utils.baseline.hardening import numbers
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import (
    NotSeenError,
    Question,
    Reader,
    octal,
    read,
)

SHOWN = 200
SECONDS = 60.0
_SPECIAL = filesystems.SET_ID | stat.S_IWOTH
KINDS = ("set_id", "world_writable", "no_owner", "hidden", "not_a_device", "lends")
PATHS = (
    "/etc/passwd", "/etc/passwd-", "/etc/group", "/etc/group-",
    "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/security/opasswd",
    "/etc/hosts", "/etc/hosts.allow", "/etc/hosts.deny", "/etc/hosts.lpd", "/etc/hosts.equiv", "/etc/shosts.equiv",
    "/etc/inetd.conf", "/etc/xinetd.conf", "/etc/xinetd.d/*",
    "/etc/rsyslog.conf", "/etc/rsyslog.d/*", "/etc/syslog.conf",
    "/etc/services", "/etc/profile", "/etc/profile.d/*", "/etc/bash.bashrc", "/etc/environment",
    "/etc/exports", "/etc/exports.d/*", "/etc/ftpusers",
    "/etc/sudoers", "/etc/sudoers.d", "/etc/sudoers.d/*",
    "/usr/bin/crontab", "/usr/bin/at", "/etc/crontab", "/etc/cron.d", "/etc/cron.d/*",
    "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly", "/etc/cron.yearly",
    "/etc/cron.allow", "/etc/cron.deny", "/etc/at.allow", "/etc/at.deny",
    "/etc/motd", "/etc/issue", "/etc/issue.net",
    "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*", "/etc/ssh/ssh_host_*_key",
    "/etc/ssh/authorized_keys.d", "/etc/ssh/authorized_keys.d/*",
    "/var/lib/haechi", "/var/lib/haechi/guard", "/root",
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin",
)  # fmt: skip
# Folders whose files are meant, with the mode that guides allow: where there are too many, those beyond it come first.
BELOW = {
    "/etc/skel": 0o755,
    "/etc/init.d": 0o755,
    "/etc/systemd/system": 0o755,
    "/var/spool/cron/crontabs": 0o600,
    "/var/log": 0o644,
}


@functools.lru_cache(maxsize=1)
def owners() -> tuple[Mapping[int, str], Mapping[int, str]]:
    """Return number to name of accounts and of groups."""
    return numbers(read("/etc/passwd")), numbers(read("/etc/group"))


def modes(_: Question) -> Reader:
    """Owners and modes of what the patterns name."""
    return _modes


def _modes() -> dict[str, Any]:
    rows, absent = [], []
    for pattern in PATHS:
        found = sorted(glob.glob(pattern, include_hidden=True)) if "*" in pattern else [pattern]  # noqa: PTH207
        seen = [row for row in map(_row, found) if row is not None]
        rows += seen[:SHOWN]
        if not seen:
            absent.append(pattern)
    for folder, bound in BELOW.items():
        below = [row for row in map(_row, _files_below(folder)) if row is not None]
        below.sort(key=lambda row: (row["owner"] == "root" and not int(row["mode"], 8) & ~bound, row["path"]))
        rows += below[:SHOWN]
        if not below:
            absent.append(f"{folder}/**")
    return {"rows": rows, "absent": absent}


def _files_below(folder: str) -> Iterable[str]:
    for top, _, names in os.walk(folder):
        yield from (f"{top}/{name}" for name in sorted(names))


def _row(path: str) -> dict[str, Any] | None:
    """Return what is known of a path; None for one that is absent or a link."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(status.st_mode):
        return None
    users, groups = owners()
    return {
        "path": path,
        "mode": octal(status.st_mode),
        "owner": users.get(status.st_uid, str(status.st_uid)),
        "group": groups.get(status.st_gid, str(status.st_gid)),
        "folder": stat.S_ISDIR(status.st_mode),
    }


def walk(question: Question) -> Reader:
    """Every file of the local file systems, those that stand out by kind.

    What ``lends`` rights has a row for each person to whom it or a folder above it belongs, as its owner.
    """
    return lambda: _walk(frozenset(question.skip))


def _walk(skip: frozenset[str]) -> dict[str, Any]:
    users, groups = owners()
    until = time.monotonic() + SECONDS
    looked, total = 0, dict.fromkeys(KINDS, 0)
    rows: list[dict[str, str]] = []
    known: set[tuple[str, str, str]] = set()

    def keep(kind: str, path: str, status: os.stat_result, uid: int) -> None:
        owner = users.get(uid, str(uid))
        # A file system that is mounted a second time below the first is walked twice.
        if (kind, path, owner) in known:
            return
        known.add((kind, path, owner))
        total[kind] += 1
        if total[kind] <= SHOWN:
            group = groups.get(status.st_gid, str(status.st_gid))
            rows.append({"kind": kind, "path": path, "mode": octal(status.st_mode), "owner": owner, "group": group})

    for top in filesystems.roots(read("/proc/self/mounts")):
        watch = left.Watch(top)
        for entry, status in filesystems.entries(top, skip):
            looked += 1
            if not looked % 4096 and time.monotonic() > until:
                raise NotSeenError(f"the walk over all files had not ended after {SECONDS:g} s and {looked} files")
            for kind, uid in _stands_out(entry, status, watch):
                keep(kind, entry.path, status, uid)
    for item in baseline_walk.device_files():
        status = os.lstat(item.path)
        keep(item.kind, item.path, status, status.st_uid)
    return {"files": looked, "total": total, "rows": rows}


def _stands_out(entry: os.DirEntry[str], status: os.stat_result, watch: left.Watch) -> Iterator[tuple[str, int]]:
    """Yield in what ways a file stands out, and whose it is in that; nearly all do in none."""
    armed = watch.see(entry.path, status)
    if armed:
        yield from (("lends", uid) for uid in armed.people)
    users, groups = owners()
    plain = not status.st_mode & _SPECIAL and status.st_uid in users and status.st_gid in groups
    if not plain or entry.name[0] == ".":
        items = baseline_walk.judge(entry.path, entry.name, status, users, groups)
        yield from ((item.kind, status.st_uid) for item in items)


def mounts(_: Question) -> Reader:
    """Mount points of this machine."""
    return lambda: mounted(read("/proc/self/mounts"))


def mounted(text: str) -> list[dict[str, Any]]:
    """Return the rows of /proc/self/mounts, whose blanks are octal numbers (fstab(5))."""
    rows = [line.split() for line in text.splitlines()]
    return [{"target": _blanks(row[1]), "type": row[2], "options": row[3].split(",")} for row in rows if row[3:]]


def _blanks(text: str) -> str:
    for number, sign in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(number, sign)
    return text
