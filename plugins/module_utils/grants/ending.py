"""End a grant on its host: nothing of it may run on, and nobody else is needed for that.

Installed on the host and started by the grant's own timer, after a reboot too (``python3 -I -S``, standard library
only). The rules go first, then what runs, then the record says so, and the timer is the last to go: a crash in the
middle leaves it to fire again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

STATE = Path("/var/lib/haechi/grants")
SUDOERS = Path("/etc/sudoers.d")
UNITS = Path("/etc/systemd/system")
WANTS = UNITS / "timers.target.wants"
STAMPS = Path("/var/lib/systemd/timers")
ALARM = "/usr/libexec/haechi/alarm"
MARK = "HAECHI_GRANT"
CLEAN_LOOKS, PAUSE, PATIENCE, GENTLE = 2, 0.25, 10.0, 1.0
PARENT, STARTED = 1, 19  # fields of /proc/PID/stat behind the name (proc_pid_stat(5))


def drop_in(person: str, name: str) -> Path:
    """Return the file of a grant's rules; it sorts behind the job's, and sudo takes the last rule (sudoers(5))."""
    return SUDOERS / f"haechi_grant-{person}-{name}"


def unit(name: str, kind: str) -> str:
    """Return the name of a grant's timer or service."""
    return f"haechi-grant-{name}.{kind}"


def write(path: Path, body: dict[str, Any]) -> None:
    """Put a record in place at once, on the disk when this returns."""
    temporary = path.with_name(f".{path.name}.new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(body, file)
        file.flush()
        os.fsync(handle)
    temporary.replace(path)
    _sync(path.parent)


def look() -> dict[int, list[str]]:
    """Return each living process's fields of stat behind its name; [2:] of ``proc_pid_stat``."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 -- names alone
        text = _proc(pid, "stat")
        fields = text.rpartition(")")[2].split()
        if fields and fields[0] not in "ZX":
            found[int(pid)] = fields
    return found


def marked(seen: dict[int, list[str]]) -> dict[str, set[int]]:
    """Return the processes that have a grant's mark, by its number."""
    found: dict[str, set[int]] = {}
    for pid in seen:
        for entry in _environment(pid):
            if entry.startswith(MARK.encode() + b"="):
                found.setdefault(entry.partition(b"=")[2].decode(errors="replace"), set()).add(pid)
    return found


def running(record: dict[str, Any], seen: dict[int, list[str]], marks: dict[str, set[int]]) -> set[int]:
    """Return the processes that a grant started: those with its mark, all below them, and sudo above them.

    ``seen`` is what ``look`` returns and ``marks`` what ``marked`` does.

    What may start programs can drop the mark and its parent. Then also all that the person's logins since then run as
    root, which ends such a login as a whole.
    """
    found = set(marks.get(record["id"], ()))
    found |= {parent for pid in found for parent in _above(pid, seen) if _name(parent) == "sudo"}
    if record["root_shell"] or record["children"]:
        found |= {pid for pid in seen if _by_login(pid, seen[pid], record)}
    size = -1
    while size != len(found):
        size = len(found)
        found |= {pid for pid, fields in seen.items() if int(fields[PARENT]) in found}
    return found - {1, os.getpid(), os.getppid()}


def _by_login(pid: int, fields: list[str], record: dict[str, Any]) -> bool:
    uids = next((line.split()[1:] for line in _proc(pid, "status").split("\n") if line.startswith("Uid:")), [])
    ours = _proc(pid, "loginuid") == str(record["uid"]) and "0" in uids
    if not ours:
        return False
    started = _boot() + int(fields[STARTED]) / os.sysconf("SC_CLK_TCK")
    ended = started if record["ended"] is None else float(record["ended"])
    return float(record["armed"]) - 1 <= started <= ended


def _boot() -> float:
    lines = Path("/proc/stat").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("btime")))


def _above(pid: int, seen: dict[int, list[str]]) -> list[int]:
    found: list[int] = []
    while pid in seen and pid > 1 and pid not in found:
        pid = int(seen[pid][PARENT])
        found.append(pid)
    return found


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _name(pid: int) -> str:
    return _proc(pid, "comm").strip()


def _proc(pid: int | str, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def kill(record: dict[str, Any]) -> tuple[int, int]:
    """End what a grant started, gently for a second; return how many ended and how many are left."""
    began, clean, known = time.monotonic(), 0, set[int]()
    found: set[int] = set()
    while clean < CLEAN_LOOKS and time.monotonic() - began < PATIENCE:
        seen = look()
        found = running(record, seen, marked(seen))
        known |= found
        number = signal.SIGTERM if time.monotonic() - began < GENTLE else signal.SIGKILL
        for pid in found:
            _send(pid, number)
        clean = 0 if found else clean + 1
        time.sleep(PAUSE)
    return len(known - found), len(found)


def _send(pid: int, number: signal.Signals) -> None:
    """Signal by a handle on the process: its number may be another's by the time that a second look is over."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        signal.pidfd_send_signal(handle, number)
    except OSError:
        pass  # it is gone, which is what was wanted
    finally:
        os.close(handle)


def end(name: str, why: str) -> str:
    """End a grant whose window is over, or that was taken back (``why`` asked); return what was done in words."""
    path = STATE / f"{name}.json"
    record = json.loads(path.read_text())
    if record["ended"] is None:
        if why != "asked" and time.time() < record["until"]:
            return f"{name} has {record['until'] - int(time.time())} s left"
        for file in (drop_in(record["person"], name), STATE / f"{name}.env"):
            file.unlink(missing_ok=True)
        _sync(SUDOERS)
        killed, left = kill(record)
        if left:
            _alarm(name, f"{left} processes of the grant {name} of {record['person']} do not end")
            sys.exit(f"{left} processes are left")
        told = {"ended": int(time.time()), "why": why, "killed": killed, "booted": int(_boot())}
        write(path, {**record, **told})
        _sync(STATE)
        said = f"grant {name} of {record['person']} ended ({why}), {killed} processes with it"
        subprocess.run(["/usr/bin/logger", "-p", "auth.notice", "-t", "haechi-grant", said], check=False, timeout=10)
    _disarm(name)
    return f"{name} has ended"


def _disarm(name: str) -> None:
    timer = unit(name, "timer")
    for file in (WANTS / timer, UNITS / timer, UNITS / unit(name, "service"), STAMPS / f"stamp-{timer}"):
        file.unlink(missing_ok=True)
    _sync(UNITS)
    for command in (["stop", timer], ["daemon-reload"]):
        subprocess.run(["/usr/bin/systemctl", "--no-block", *command], check=False, timeout=60)


def _alarm(name: str, what: str) -> None:
    if Path(ALARM).exists():
        subprocess.run(["/usr/bin/python3", "-I", "-S", ALARM, f"grant-{name}", what], check=False, timeout=20)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


if __name__ == "__main__":
    print(end(sys.argv[1], sys.argv[2]))  # noqa: T201 - script
