"""Ending what a person runs on a host: sessions, her user manager, and all that descends from a login of hers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass

from ansible_collections.haechi.guard.plugins.module_utils.accounts import hold, read, state
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Process

# One clean look may fall between a parent's death and its child's birth; two with a pause between do not.
CLEAN_LOOKS, PAUSE, PATIENCE, FORGET = 2, 0.25, 5.0, 2.0
# Whom logind knows now (sd_uid_get_state(3)); to ask it about anybody else costs two programs and tells nothing.
USERS = "/run/systemd/users"


@dataclass(frozen=True)
class Ended:
    """What became of the processes: ended by logind or by the sweep, left since it is a service, still alive."""

    killed: tuple[Process, ...] = ()
    escalated: tuple[Process, ...] = ()
    remaining: tuple[Process, ...] = ()


def show(process: Process) -> dict[str, object]:
    """Return a process for a report; never its arguments, which hold secrets often enough."""
    return {"pid": process.pid, "name": process.name, "unit": process.unit, "uids": sorted(process.uids)}


def end(name: str, uid: int) -> Ended:
    """End everything of a person; services are left and named. Returns after two clean sweeps or when patience ends."""
    killed = {row.pid: row for row in _killable(uid)}
    managed = os.path.lexists(f"{USERS}/{uid}")
    for verb, known in (("disable-linger", f"{read.LINGER}/{name}"), ("terminate-user", f"{USERS}/{uid}")):
        if os.path.lexists(known):
            _loginctl(verb, name)
    with contextlib.suppress(OSError):
        hold.remove(f"{read.LINGER}/{name}")
        hold.settle(read.LINGER)
    clean, until = 0, time.monotonic() + PATIENCE
    while clean < CLEAN_LOOKS and time.monotonic() < until:
        found = _killable(uid)
        for process in found:
            if _kill(process, uid):
                killed[process.pid] = process
        clean = 0 if found else clean + 1
        if clean < CLEAN_LOOKS:
            time.sleep(PAUSE if not found else 0.05)
    if managed:
        _forget(uid)
    left = state.of_person(read.processes(), uid)
    remaining = tuple(process for process in left if not state.is_service(process.unit))
    for process in remaining:
        killed.pop(process.pid, None)
    return Ended(tuple(killed.values()), tuple(row for row in left if row not in remaining), remaining)


def _forget(uid: int) -> None:
    """Let systemd forget what was killed of a user: with failed units a host calls itself degraded for ever."""
    until = time.monotonic() + FORGET
    while time.monotonic() < until:
        states = _states(uid)
        failed = [unit for unit, word in states.items() if word == "failed"]
        if failed:
            _systemctl("reset-failed", *failed)
        elif {*states.values()} <= {"inactive"}:
            return
        time.sleep(0.1)


def _states(uid: int) -> dict[str, str]:
    """Return the state of each unit that logind makes for a user; of sessions those that systemd still knows."""
    units = (f"user@{uid}.service", f"user-runtime-dir@{uid}.service")
    asked = ("--property=Id", "--property=Slice", "--property=ActiveState")
    blocks = _systemctl("show", *asked, *units, "session-*.scope").strip().split("\n\n")
    rows = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in blocks]
    mine = [row for row in rows if row.get("Id") in units or row.get("Slice") == f"user-{uid}.slice"]
    return {row["Id"]: row["ActiveState"] for row in mine}


def _killable(uid: int) -> list[Process]:
    spared = _ancestors()
    found = state.of_person(read.processes(), uid)
    return [row for row in found if not state.is_service(row.unit) and row.pid not in spared]


def _kill(process: Process, uid: int) -> bool:
    """Kill by a handle on the process, after a second look at it: its number may be another's by now."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        again = read.process(process.pid)
        if again is None or not state.of_person([again], uid):
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def _ancestors() -> frozenset[int]:
    """Return this process and those that wait for it."""
    pid, found = os.getpid(), set()
    while pid > 1 and pid not in found:
        found.add(pid)
        pid = read.parent(pid)
    return frozenset({1, *found})


def _systemctl(*words: str) -> str:
    """Ask systemd; a host without it says nothing."""
    with contextlib.suppress(FileNotFoundError, subprocess.TimeoutExpired):
        return subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False, timeout=5).stdout
    return ""


def _loginctl(verb: str, name: str) -> None:
    """Ask logind; a host without it, or a person without a session, is ended by the sweep alone."""
    with contextlib.suppress(FileNotFoundError, subprocess.TimeoutExpired):
        subprocess.run(["loginctl", verb, name], capture_output=True, check=False, timeout=5)
