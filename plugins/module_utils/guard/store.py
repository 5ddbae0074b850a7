"""The guard's memory on the host: who is changing it, what was before, and the way back."""

from __future__ import annotations

import fcntl
import inspect
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.guard import rollback
from ansible_collections.haechi.guard.plugins.module_utils.guard.files import File
from ansible_collections.haechi.guard.plugins.module_utils.guard.refusal import RefusedError

STATE = rollback.STATE
SCRIPT = Path("/usr/libexec/haechi/guard-rollback")
UNIT = Path("/etc/systemd/system/haechi-guard-rollback.service")
WANTS = Path("/etc/systemd/system/sysinit.target.wants/haechi-guard-rollback.service")
TIMER = "haechi-guard-timer"
GRACE_SECONDS = 30
# Without the default dependencies: with them it would wait for sysinit.target, which wants it (systemd.service(5)).
# On all other boots the condition ends it before Python starts.
UNIT_TEXT = f"""\
[Unit]
Description=Put back what a guarded change left unproven
DefaultDependencies=no
RequiresMountsFor=/var/lib /etc /usr
After=local-fs.target
Before=network-pre.target nftables.service haechi-firewall.service ssh.service ssh.socket
Wants=network-pre.target
ConditionPathExists={STATE}/{rollback.PENDING}

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I -S {SCRIPT} boot

[Install]
WantedBy=sysinit.target
"""


def lock(token: str, owner: str, seconds: int) -> None:
    """Take the host for one change.

    A lock outlives a dead controller by its own time; then what it left is put back first.
    Raises ``RefusedError`` naming the holder while another change runs.
    """
    STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = STATE / rollback.LOCK
    # No step of a clock that is set moves the monotonic one, and it begins anew at boot (clock_gettime(2)). The grace
    # lets the timer come first.
    body = {"token": token, "owner": owner, "boot": _boot_id(), "until": time.monotonic() + seconds + GRACE_SECONDS}
    with _alone():
        _take(path, json.dumps(body))


@contextmanager
def _alone() -> Iterator[None]:
    """Let one run at a time look at the lock and act on it: between the two it could become another's."""
    handle = os.open(STATE, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _take(path: Path, text: str) -> None:
    for _attempt in range(2):
        try:
            _place(path, text)
        except FileExistsError:
            _expire(path)
            continue
        except OSError as error:
            raise RefusedError(f"{STATE} cannot be written: {error.strerror}; nothing was changed") from error
        return
    raise RefusedError("another change keeps taking the lock; nothing was changed, try again")


def _place(path: Path, text: str) -> None:
    """Make a file that has all of its text as soon as it has its name. Raises ``FileExistsError``."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        # Another run would take a lock without a word in it for what a dead one left. link(2) never replaces a file,
        # as rename(2) would.
        os.link(name, path)
    finally:
        Path(name).unlink()


def _expire(path: Path) -> None:
    try:
        held = json.loads(path.read_text())
        left = held["until"] - time.monotonic() if held["boot"] == _boot_id() else 0.0
    except (OSError, ValueError, KeyError):
        held, left = {"owner": "an unfinished run"}, 0.0
    if left > 0:
        raise RefusedError(
            f"another change is under way on this host: {held['owner']}, for at most {left:.0f} s more;"
            " nothing was changed, try again when it has ended"
        )
    rollback.restore("asked")
    rollback.remove(path)


def unlock(token: str) -> None:
    """Give the host free, unless the lock is another run's by now."""
    path = STATE / rollback.LOCK
    if not STATE.is_dir():
        return
    with _alone():
        if path.is_file() and json.loads(path.read_text()).get("token") == token:
            rollback.remove(path)


def reserve(size: int) -> None:
    """Refuse a change that the disk has no room for, before anything is written.

    Raises ``RefusedError``.
    """
    probe = STATE / "reserve"
    try:
        with probe.open("wb") as file:
            # The blocks are taken, where a file of holes would only promise them (posix_fallocate(3)).
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        raise RefusedError(
            f"no room for {size // 1024} KiB below {STATE} ({error.strerror}): free some; nothing was changed"
        ) from error
    finally:
        probe.unlink(missing_ok=True)


def save(token: str, subsystem: str, files: Iterable[File], commands: list[list[str]], extra: dict[str, bytes]) -> None:
    """Write the old state and the way back, all of it on the disk before this returns."""
    saved = STATE / rollback.SAVED
    shutil.rmtree(saved, ignore_errors=True)
    saved.mkdir(mode=0o700)
    entries: list[dict[str, Any]] = []
    for number, file in enumerate(files):
        name = None if file.content is None else f"file{number}"
        if name is not None and file.content is not None:
            rollback.write(saved / name, file.content, 0o600, 0, 0)
        entries.append({"path": file.path, "saved": name, "mode": file.mode, "uid": file.uid, "gid": file.gid})
    for name, content in extra.items():
        rollback.write(saved / name, content, 0o600, 0, 0)
    manifest = {"token": token, "subsystem": subsystem, "files": entries, "commands": commands}
    rollback.write(saved / "manifest.json", json.dumps(manifest).encode(), 0o600, 0, 0)
    rollback.fsync_dir(STATE)


def arm(token: str, seconds: int) -> None:
    """Install the way back, start its clock, and mark the change as pending."""
    SCRIPT.parent.mkdir(parents=True, exist_ok=True)
    source = inspect.getsource(rollback).encode()
    if not SCRIPT.exists() or SCRIPT.read_bytes() != source:
        rollback.write(SCRIPT, source, 0o755, 0, 0)
    if not UNIT.exists() or UNIT.read_text() != UNIT_TEXT:
        rollback.write(UNIT, UNIT_TEXT.encode(), 0o644, 0, 0)
    # The link that `systemctl enable` would make, which has all of systemd reload besides (systemctl(1)).
    if not WANTS.is_symlink():
        WANTS.parent.mkdir(exist_ok=True)
        WANTS.symlink_to(UNIT)
        rollback.fsync_dir(WANTS.parent)
    # systemd joins timers within a minute to save wake-ups, unless told otherwise (systemd.timer(5), AccuracySec=).
    start = ["systemd-run", f"--unit={TIMER}", f"--on-active={seconds}", "--timer-property=AccuracySec=100ms"]
    stop_timer()
    done = subprocess.run(
        [*start, "--collect", "/usr/bin/python3", "-I", "-S", str(SCRIPT), "timer"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RefusedError(f"the rollback timer could not be started ({done.stderr.strip()}); nothing was changed")
    # The mark comes last: what has no clock and no old state on the disk is never pending.
    rollback.write(STATE / rollback.PENDING, token.encode(), 0o600, 0, 0)


def stop_timer() -> None:
    """Stop the clock, running or not."""
    subprocess.run(["systemctl", "stop", f"{TIMER}.timer"], capture_output=True, check=False)


def commit(token: str) -> None:
    """Keep the change: take the mark away, then the clock.

    Raises ``RefusedError`` when the old state is back already.
    """
    with (STATE / rollback.MUTEX).open("w") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        # `rollback.restore` holds the same lock, so the proof and the timer cannot both win.
        pending = STATE / rollback.PENDING
        if not pending.exists() or pending.read_text() != token:
            raise RefusedError("the proof came too late: the host has already put the old state back")
        rollback.remove(pending)
        shutil.rmtree(STATE / rollback.SAVED, ignore_errors=True)
        rollback.remove(STATE / rollback.LOCK)
    stop_timer()


def effective(subsystem: str) -> str | None:
    """Return the fingerprint of what ran when a change was last kept."""
    path = STATE / f"effective-{subsystem}"
    return path.read_text() if path.is_file() else None


def keep_effective(subsystem: str, fingerprint: str | None) -> None:
    """Remember the fingerprint of what runs now."""
    if fingerprint is not None:
        rollback.write(STATE / f"effective-{subsystem}", fingerprint.encode(), 0o600, 0, 0)


def _boot_id() -> str:
    # A container restart keeps the kernel's boot id; PID 1's start time tells its boots apart (proc(5), stat field 22).
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}.{Path('/proc/1/stat').read_text().rpartition(')')[2].split()[19]}"
