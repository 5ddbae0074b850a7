"""Home folders, the start files in them, and root's search path."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.haechi.guard.plugins.module_utils.baseline.change import Change, Finding, Plan, Remove, SetMode
from ansible_collections.haechi.guard.plugins.module_utils.baseline.people import FIRST, LAST, Account

START = (".profile", ".bash_profile", ".bash_login", ".bashrc", ".bash_logout", ".zshrc", ".cshrc", ".login", ".kshrc")
# The first two let others in without a password (hosts.equiv(5)); .netrc only says what its owner sends elsewhere.
TRUST = (".rhosts", ".shosts", ".netrc")
REMOVED = frozenset({".rhosts", ".shosts"})
GROUP_AND_OTHERS_WRITE = 0o022


@dataclass(frozen=True)
class Home:
    """A home as it is; ``files`` are the start and trust files in it: name, mode, uid."""

    account: Account
    mode: int | None
    uid: int | None
    files: tuple[tuple[str, int, int], ...] = ()


def people(accounts: Iterable[Account]) -> tuple[Account, ...]:
    """Return the accounts that can log in and have a home of their own."""
    return tuple(who for who in accounts if who.login and (who.uid == 0 or FIRST <= who.uid <= LAST))


def observe(account: Account) -> Home:
    """Look into one home without following links."""
    try:
        status = os.lstat(account.home)
    except OSError:
        return Home(account, None, None)
    seen = []
    for name in (*START, *TRUST):
        try:
            entry = os.lstat(f"{account.home}/{name}")
        except OSError:
            continue
        if stat.S_ISREG(entry.st_mode):
            seen.append((name, stat.S_IMODE(entry.st_mode), entry.st_uid))
    return Home(account, stat.S_IMODE(status.st_mode), status.st_uid, tuple(seen))


def plan(home: Home, maximum: int) -> Plan:
    """Close one home to others; what a wrong owner means is for a person to judge.

    Start files lose the write right of others and never change owner: a hard link could lend
    that act to any file of root's.
    """
    who = home.account
    if home.mode is None or home.uid is None:
        return Plan(findings=(Finding("U-32", who.name, f"no {who.home}", "make it, or give the account nologin"),))
    changes, found = [], []
    if home.uid not in {who.uid, 0} or not who.home.startswith(("/home/", "/root")):
        found.append(
            Finding("U-31", who.home, f"owner {home.uid}, home of {who.name}", "a home belongs to its account")
        )
    elif home.mode & ~maximum:
        act = SetMode(who.home, home.mode & maximum)
        changes.append(Change("U-31", who.home, f"{home.mode:04o}", f"{home.mode & maximum:04o}", (act,)))
    for name, mode, uid in home.files:
        path = f"{who.home}/{name}"
        if name in REMOVED:
            changes.append(Change("U-27", path, "exists", "absent", (Remove(path),)))
        elif uid not in {who.uid, 0}:
            found.append(Finding("U-24", path, f"owner {uid}", f"give it to {who.name}"))
        elif mode & GROUP_AND_OTHERS_WRITE:
            closed = mode & ~GROUP_AND_OTHERS_WRITE
            changes.append(Change("U-24", path, f"{mode:04o}", f"{closed:04o}", (SetMode(path, closed),)))
    return Plan(tuple(changes), tuple(found))


def judge_path(value: str, writable: frozenset[str]) -> tuple[Finding, ...]:
    """Report parts of root's PATH that let somebody else choose the program (U-14)."""
    found = []
    for part in value.split(":"):
        if not part.startswith("/"):
            found.append(Finding("U-14", f"PATH part {part!r}", "relative", "programs of the current folder would run"))
        elif part in writable:
            found.append(Finding("U-14", f"PATH part {part}", "others can write there", "take the right away"))
    return tuple(found)


def writable_parts(value: str) -> frozenset[str]:
    """Return the folders of a search path that group or others can write."""
    found = set()
    for part in value.split(":"):
        try:
            status = os.stat(part or ".")  # noqa: PTH116
        except OSError:
            continue
        if (status.st_mode & GROUP_AND_OTHERS_WRITE and status.st_gid != 0) or status.st_mode & stat.S_IWOTH:
            found.add(part)
    return frozenset(found)
