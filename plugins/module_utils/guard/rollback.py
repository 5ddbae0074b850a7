"""Put the old state back: the one piece of code that must work when nothing else does.

Runs in three places: installed on the host and started by the timer or at boot (``python3 -I -S``, standard
library only), and inside the module when the controller asks. All three end the same way.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

STATE = Path("/var/lib/haechi/guard")
PENDING, SAVED, LOCK, MUTEX, LAST = "pending", "saved", "lock", "mutex", "last.json"
COMMAND_SECONDS = 60


def fsync_dir(path: Path) -> None:
    """Make renames and removals in a folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(path: Path, content: bytes, mode: int, uid: int, gid: int) -> None:
    """Put a whole file in place at once: mode and owner before content, content on the disk before the name."""
    temporary = path.with_name(f".{path.name}.haechi")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        os.fchown(handle, uid, gid)
        os.fchmod(handle, mode)
        file.write(content)
        file.flush()
        os.fsync(handle)
    temporary.replace(path)
    fsync_dir(path.parent)


def remove(path: Path) -> None:
    """Remove a file so that it stays removed."""
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        fsync_dir(path.parent)


def restore_files(manifest: dict[str, Any], saved: Path, root: Path) -> None:
    """Write every old file back, and remove those that did not exist."""
    for entry in manifest["files"]:
        path = root / entry["path"].lstrip("/")
        if entry["saved"] is None:
            remove(path)
            continue
        content = (saved / entry["saved"]).read_bytes()
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, content, entry["mode"], entry["uid"], entry["gid"])


def run_commands(commands: list[list[str]]) -> list[str]:
    """Run what makes the old files effective; return what failed, and go on: a half restore helps nobody."""
    failed = []
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            failed.append(f"{command[0]}: {error}")
            continue
        if done.returncode != 0:
            failed.append(f"{' '.join(command)}: {done.stderr.strip()[-300:]}")
    return failed


def restore(why: str, root: Path = Path("/")) -> str:
    """Put the old state back if a change is pending; return what was done in words.

    ``why`` is ``timer``, ``boot`` or ``asked``. At boot only files are restored: the services start after it.
    A crash in the middle leaves the mark in place, so that the next start does it again.
    """
    state = root / STATE.relative_to("/")
    state.mkdir(parents=True, exist_ok=True)
    with (state / MUTEX).open("w") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        pending = state / PENDING
        if not pending.exists():
            return "nothing pending"
        manifest = json.loads((state / SAVED / "manifest.json").read_text())
        restore_files(manifest, state / SAVED, root)
        failed = [] if why == "boot" else run_commands(manifest["commands"])
        result = {"token": manifest["token"], "why": why, "unmended": failed, "subsystem": manifest["subsystem"]}
        write(state / LAST, json.dumps(result).encode(), 0o600, os.getuid(), os.getgid())
        # The mark goes before what it needs: a crash between leaves spare files, never a mark without its old state.
        remove(pending)
        shutil.rmtree(state / SAVED, ignore_errors=True)
        remove(state / LOCK)
    return "old state restored" if not failed else f"old files restored, but: {'; '.join(failed)}"


if __name__ == "__main__":
    print(restore(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else Path("/")))  # noqa: PLR2004, T201 - script
