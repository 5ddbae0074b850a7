"""Reading a host's accounts. Everything in a home is somebody else's text: no link is followed, no pipe waited for."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils.accounts import certificates, left, state
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import (
    Account,
    Current,
    KeyFile,
    Process,
)
from ansible_collections.haechi.guard.plugins.module_utils.vpn import management

KEY_NAMES = ("authorized_keys", "authorized_keys2")
CRONTABS, AT_JOBS = "/var/spool/cron/crontabs", "/var/spool/cron/atjobs"
LINGER = "/var/lib/systemd/linger"
UNITS = "/etc/systemd/system"
# The login uid of what no login started: -1 in 32 bits (pam_loginuid(8)).
_UNSET = 4294967295
_HEAD = 12
_MANAGER = re.compile(r"user@(\d+)\.service")


def current() -> Current:
    """Look at the host once. The record of logins is read by ``logins.of``: it is slow, and only ``site`` asks it."""
    texts = [Path(path).read_text(errors="surrogateescape") for path in ("/etc/passwd", "/etc/shadow", "/etc/group")]
    accounts = {name: _home(account) for name, account in state.accounts(*texts).items()}
    tunnels, silent = management.everywhere()
    return Current(
        accounts=accounts,
        groups=frozenset(state.members(texts[2])),
        key_files=(*_central_keys(), *_home_keys(accounts)),
        keys_folder=_is_ours(state.KEYS_FOLDER, 0o755),
        sudoers=_names(state.SUDOERS_FOLDER),
        seeds=frozenset(_names(state.SEEDS_FOLDER)),
        vpn_seeds=frozenset(_names(state.VPN_SEEDS_FOLDER)),
        vpn_people=(_text(state.VPN_PEOPLE) or ("", True))[0],
        tunnels={one.person: tuple(row.where() for row in tunnels if row.person == one.person) for one in tunnels},
        silent=tuple(silent),
        tickets=_names(state.TICKETS),
        processes=tuple(processes()),
        jobs=_jobs(accounts),
        lingering=frozenset(_names(LINGER)),
        today=int(time.time() // 86400),
        own_uids=_own_uids(),
        unmanaged=frozenset(_unmanaged()),
        certificates=certificates.look(),
        armed=left.Everywhere(),
    )


def processes() -> Iterator[Process]:
    """Yield every living process of the host; one that ends meanwhile is left out."""
    prefix = _prefix()
    for pid in filter(str.isdigit, _names("/proc")):
        found = process(int(pid), prefix)
        if found is not None:
            yield found


def process(pid: int, prefix: str | None = None) -> Process | None:
    """Return one living process; none if it has ended."""
    try:
        status = _status(pid)
        if status["State"][0] in "ZX":
            return None
        login = int(_proc(pid, "loginuid") or _UNSET)
        return Process(
            pid=pid,
            uids=frozenset(int(uid) for uid in status["Uid"].split()),
            loginuid=None if login == _UNSET else login,
            name=status["Name"].strip(),
            unit=state.unit_of(_proc(pid, "cgroup"), _prefix() if prefix is None else prefix),
        )
    except (OSError, KeyError, ValueError):
        return None


def parent(pid: int) -> int:
    """Return the number of a process's parent; 1 if it has ended."""
    try:
        return int(_status(pid)["PPid"])
    except (OSError, KeyError, ValueError):
        return 1


def _status(pid: int) -> dict[str, str]:
    # Name to Groups (proc_pid_status(5)); the other fifty lines are about memory and signals.
    head = _proc(pid, "status").split("\n", _HEAD)[:_HEAD]
    return dict(line.split(":\t", 1) for line in head if ":\t" in line)


def _prefix() -> str:
    """Return what a container's own tree has before every unit."""
    return str(state.unit_of(_proc(1, "cgroup"), "")).removesuffix("/init.scope").rstrip("/")


def _proc(pid: int | str, name: str) -> str:
    """Return a file of a process. A sweep reads three of each, so it is done by the shortest way there is."""
    handle, parts = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC), []
    try:
        while part := os.read(handle, 1 << 16):
            parts.append(part)
    finally:
        os.close(handle)
    return b"".join(parts).decode(errors="replace")


def _own_uids() -> frozenset[int]:
    """Return the account that this run came in with: it is never ended by its own hand."""
    login = int(_proc("self", "loginuid") or _UNSET)
    found = {login, int(os.environ.get("SUDO_UID", login))}
    return frozenset(found - {_UNSET})


def _unmanaged() -> Iterator[int]:
    """Yield whose user manager is masked (systemctl(1), mask), which logind takes for a wish and not for a fault."""
    for name in _names(UNITS):
        found = _MANAGER.fullmatch(name)
        if found and os.path.realpath(f"{UNITS}/{name}") == os.devnull:
            yield int(found[1])


def _names(folder: str) -> tuple[str, ...]:
    try:
        return tuple(sorted(os.listdir(folder)))  # noqa: PTH208 -- names alone, of a thousand processes at that
    except FileNotFoundError:
        return ()


def _is_ours(path: str, mode: int) -> bool:
    try:
        seen = os.lstat(path)
    except FileNotFoundError:
        return False
    return (seen.st_uid, seen.st_gid, stat.S_IMODE(seen.st_mode)) == (0, 0, mode)


def _home(account: Account) -> Account:
    try:
        seen = os.lstat(account.home)
    except OSError:
        return account
    return replace(account, home_mode=stat.S_IMODE(seen.st_mode), home_uid=seen.st_uid)


def _jobs(accounts: dict[str, Account]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {name: (f"{CRONTABS}/{name}",) for name in _names(CRONTABS) if name in accounts}
    owners = {account.uid: name for name, account in accounts.items()}
    for job in _names(AT_JOBS):
        path = f"{AT_JOBS}/{job}"
        with contextlib.suppress(OSError):
            seen = os.lstat(path)
            if stat.S_ISREG(seen.st_mode) and seen.st_uid in owners:
                name = owners[seen.st_uid]
                found[name] = (*found.get(name, ()), path)
    return found


def _central_keys() -> Iterator[KeyFile]:
    for name in _names(state.KEYS_FOLDER):
        path = f"{state.KEYS_FOLDER}/{name}"
        found = _text(path)
        if found is not None:
            yield KeyFile(path, name, found[0], _is_ours(path, 0o644), found[1])


def _home_keys(accounts: dict[str, Account]) -> Iterator[KeyFile]:
    seen = set()
    for account in accounts.values():
        if account.home in seen or not account.home.startswith("/"):
            continue
        seen.add(account.home)
        for name in KEY_NAMES:
            path = f"{account.home.rstrip('/')}/.ssh/{name}"
            found = _text(path)
            if found is not None:
                yield KeyFile(path, account.name, found[0], safe=False, whole=found[1])


def _text(path: str) -> tuple[str, bool] | None:
    """Return a regular file's text, and whether that is all of it.

    A link counts as empty: it is looked at by nobody but sshd, and reported.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return "", True
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return "", True
        data = file.read(state.MOST_KEYS + 1)
        return data[: state.MOST_KEYS].decode(errors="replace"), len(data) <= state.MOST_KEYS
