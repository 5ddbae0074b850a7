"""Accounts, homes, keys, and what accounts left running or waiting to run. No hash and no key leaves the host."""

from __future__ import annotations

import functools
import os
import re
import time
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts import logins as accounts_logins
from ansible_collections.haechi.guard.plugins.module_utils.accounts import read as accounts_read
from ansible_collections.haechi.guard.plugins.module_utils.accounts import state
from ansible_collections.haechi.guard.plugins.module_utils.baseline import homes as baseline_homes
from ansible_collections.haechi.guard.plugins.module_utils.baseline import people
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import (
    NotSeenError,
    Question,
    Reader,
    names,
    octal,
    read,
)

MOST_ROWS = 5000
_HASH = re.compile(r"\$[0-9a-z-]+\$")
_NO_HASH = frozenset({"x", "*", "!", "!!", ""})


def accounts(_: Question) -> Reader:
    """Everybody on the host, and the groups."""
    return lambda: {
        **everybody(read("/etc/passwd"), read("/etc/shadow"), read("/etc/group")),
        "today": int(time.time() // 86400),
    }


def everybody(passwd: str, shadow: str, group: str) -> dict[str, Any]:
    """Return the rows of accounts and groups from the three files.

    Raises ``NotSeenError`` for two accounts of one name, and for more rows than anybody would judge.
    """
    hashes = {row[0]: row[1] for row in (line.split(":") for line in shadow.splitlines()) if row[1:]}
    lines = [line.split(":") for line in passwd.splitlines() if ":" in line]
    fields = {row[0]: row[1] for row in lines}
    if len(fields) < len(lines):
        raise NotSeenError("passwd has two lines for one name, and programs differ in which they take")
    rows = [
        {
            "name": who.name,
            "uid": who.uid,
            "gid": who.gid,
            "home": who.home,
            "shell": who.shell,
            "password": who.hash_kind,
            "hash": _prefix(hashes.get(who.name, "") if fields[who.name] == "x" else fields[who.name]),
            "hash_in_passwd": fields[who.name] not in _NO_HASH,
            "changed": who.changed,
            "min_days": who.min,
            "max_days": who.max,
            "expires": who.expires,
            "groups": sorted(who.groups),
        }
        for who in state.accounts(passwd, shadow, group).values()
    ]
    members = [row for row in (line.split(":") for line in group.splitlines()) if row[3:] and row[2].isdigit()]
    groups = [{"name": row[0], "gid": int(row[2]), "members": [*filter(None, row[3].split(","))]} for row in members]
    if max(len(rows), len(groups)) > MOST_ROWS:
        raise NotSeenError(f"{len(rows)} accounts and {len(groups)} groups, more than {MOST_ROWS}")
    return {"rows": rows, "groups": groups}


def _prefix(text: str) -> str:
    match = _HASH.match(text.lstrip("!*"))
    return match.group() if match else ""


def homes(_: Question) -> Reader:
    """Homes of all accounts that have a shell, with start and trust files."""
    return _homes


def _homes() -> list[dict[str, Any]]:
    everyone = people.accounts(read("/etc/passwd"), read("/etc/shadow"))
    seen = [baseline_homes.observe(who) for who in everyone if who.login]
    return [
        {
            "account": home.account.name,
            "path": home.account.home,
            "mode": None if home.mode is None else octal(home.mode),
            "uid": home.uid,
            "files": [{"name": name, "mode": octal(mode), "uid": uid} for name, mode, uid in home.files],
        }
        for home in seen
    ]


def logins(_: Question) -> Reader:
    """Who logged in last when, of root and of people, and since when that is recorded."""
    return _logins


def _logins() -> dict[str, Any]:
    rows = state.accounts(read("/etc/passwd"), "", "").values()
    who = [(row.name, row.uid, row.home) for row in rows if row.uid == 0 or state.FIRST_UID <= row.uid < state.NOBODY]
    try:
        found = accounts_logins.seen(who)
    except accounts_logins.NoRecordError as error:
        raise NotSeenError(str(error)) from error
    return {
        "source": found.source,
        "since": found.since,
        "rows": [
            {"account": name, "last": found.last.get(name), "made": found.made.get(name)}
            for name, _, _ in who[:MOST_ROWS]
        ],
    }


@functools.lru_cache(maxsize=1)
def _current() -> state.Current:
    return accounts_read.current()


def keys(_: Question) -> Reader:
    """Every authorized_keys file with the fingerprints in it."""
    return lambda: key_files(_current())


def key_files(now: state.Current) -> list[dict[str, Any]]:
    """Return the rows of the files. Raises ``NotSeenError`` where one has more than was read."""
    cut = [file.path for file in now.key_files if not file.whole]
    if cut:
        raise NotSeenError(f"{', '.join(cut[:3])}: too large to be read whole, shorten or remove it by hand")
    return [
        {
            "account": file.account,
            "path": file.path,
            "fingerprints": [*state.fingerprints(file.text.splitlines())],
            "safe": file.safe,
        }
        for file in now.key_files
    ]


def sessions(_: Question) -> Reader:
    """Return processes with the account that logged in to start them; without a login, those that run as a person."""
    return lambda: people_at_work(_current())


def people_at_work(now: state.Current) -> list[dict[str, Any]]:
    """Return the processes of people."""
    owners = {account.uid: account.name for account in reversed([*now.accounts.values()])}
    rows = []
    for process in now.processes:
        uid = process.loginuid
        if uid is None:
            uid = next((one for one in sorted(process.uids) if state.FIRST_UID <= one < state.NOBODY), None)
        if uid is not None:
            rows.append({"account": owners.get(uid, str(uid)), "pid": process.pid, "name": process.name})
    return rows[:MOST_ROWS]


def jobs(_: Question) -> Reader:
    """Crontabs, at jobs and lingering managers by account; a number where no account has it."""
    return _jobs


def _jobs() -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for folder in (accounts_read.CRONTABS, accounts_read.LINGER):
        for name in names(folder):
            found.setdefault(name, []).append(f"{folder}/{name}")
    owners = {account.uid: account.name for account in reversed([*_current().accounts.values()])}
    for name in names(accounts_read.AT_JOBS):
        path = f"{accounts_read.AT_JOBS}/{name}"
        uid = os.lstat(path).st_uid
        if not name.startswith("."):
            found.setdefault(owners.get(uid, str(uid)), []).append(path)
    return {"by_account": found}
