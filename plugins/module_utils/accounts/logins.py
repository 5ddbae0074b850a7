"""When accounts logged in last, by the record of the release, and since when there is one.

Debian 13 keeps lastlog2(8)'s database, Debian 12 the file of lastlog(8). Days are days since 1970-01-01 in UTC.
"""

from __future__ import annotations

import platform
import sqlite3
import struct
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils.accounts import state
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Account, Logins

DATABASE, FILE = "/var/lib/lastlog/lastlog2.db", "/var/log/lastlog"
SESSION = "/etc/pam.d/common-session"
# Before this profile a session without a terminal left no trace on Debian 12: sshd itself records those with one.
PROFILE = "/usr/share/pam-configs/haechi-lastlog"
DAY = 86400
# struct lastlog of utmp.h(5): time, line, host. glibc keeps 32 bits of time where 32-bit programs shared the file.
_SHORT, _LONG = struct.Struct("=i32s256s"), struct.Struct("=q32s256s")
_SHORT_ON = frozenset({"x86_64", "i386", "i586", "i686", "ppc64le", "s390x", "riscv64"})


class NoRecordError(Exception):
    """Nobody knows who logged in when; the text says why."""


def of(accounts: Iterable[Account]) -> Logins | None:
    """Return the record of people's logins; none where nobody keeps one, and then nobody can be called away."""
    people = [(row.name, row.uid, row.home) for row in accounts if state.FIRST_UID <= row.uid < state.NOBODY]
    try:
        return seen(people)
    except (NoRecordError, OSError):
        return None


def seen(accounts: Iterable[tuple[str, int, str]]) -> Logins:
    """Return the record of the accounts, each a name, a number and a home.

    Raises ``NoRecordError`` where PAM records no login, or where nothing is recorded yet.
    """
    rows = tuple(accounts)
    source = recorder(Path(SESSION).read_text(errors="replace"))
    if source == "lastlog2":
        last, kept = _from_database(), DATABASE
    else:
        last, kept = from_file(Path(FILE), {name: uid for name, uid, _ in rows}), PROFILE
    births = _births([kept, *(home for _, _, home in rows if home.startswith("/home/"))])
    if kept not in births:
        raise NoRecordError(f"nobody knows since when {source} records logins: {kept} has no time of birth")
    return Logins(
        source=source,
        since=births[kept],
        last={name: last[name] for name, _, _ in rows if name in last},
        made={name: births[home] for name, _, home in rows if home in births},
    )


def recorder(stack: str) -> str:
    """Return which record PAM's stack of sessions keeps. Raises ``NoRecordError`` where it keeps none."""
    words = [line.split() for line in stack.splitlines() if not line.lstrip().startswith("#")]
    modules = {word for line in words for word in line}
    for module, source in (("pam_lastlog2.so", "lastlog2"), ("pam_lastlog.so", "lastlog")):
        if module in modules:
            return source
    raise NoRecordError(f"{SESSION} records no login: run the role baseline")


def _from_database() -> dict[str, int]:
    if not Path(DATABASE).is_file():
        raise NoRecordError(f"{DATABASE} is not there: nobody has logged in since logins are recorded")
    return from_database(DATABASE)


def from_database(path: str) -> dict[str, int]:
    """Return account to day from a database of lastlog2. Raises ``NoRecordError`` where it cannot be read."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as database:
            rows = database.execute("SELECT Name, Time FROM Lastlog2").fetchall()
    except sqlite3.Error as error:
        raise NoRecordError(f"{path}: {error}") from error
    return {str(name): int(time) // DAY for name, time in rows if time}


def from_file(path: Path, accounts: Mapping[str, int], machine: str = "") -> dict[str, int]:
    """Return account to day from a file of lastlog, which has a record at each account's number, zero for never."""
    record = _SHORT if (machine or platform.machine()) in _SHORT_ON else _LONG
    if not path.is_file():
        return {}
    found = {}
    with path.open("rb") as file:
        for name, uid in accounts.items():
            file.seek(uid * record.size)
            data = file.read(record.size)
            time = record.unpack(data)[0] if len(data) == record.size else 0
            if time > 0:
                found[name] = time // DAY
    return found


def _births(paths: Iterable[str]) -> dict[str, int]:
    """Return path to the day it was made; stat(1) knows what Python 3.11 does not, 0 where the file system does not."""
    wanted = list(dict.fromkeys(paths))
    done = subprocess.run(
        ["stat", "--format=%W %n", *wanted], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    rows = (line.split(" ", 1) for line in done.stdout.splitlines())
    return {row[1]: int(row[0]) // DAY for row in rows if len(row) > 1 and row[0].isdigit() and int(row[0]) > 0}
