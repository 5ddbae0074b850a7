"""The private folder of one run: fresh, in memory where that can be had, and gone afterwards whatever happened."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from haechi.hr.work import processes

PREFIX = "haechi-hr-"
# What lies in it: the hosts of the order; what Ansible said of failures; errors of the run's own process; its records.
LOCK, HOSTS, SAID, ERRORS, RECORD, EVIDENCE = "lock", "hosts", "said", "errors", "record.json", "evidence.json"
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own in it, made 0700 by mkdtemp
_TMPFS = "tmpfs"


def root() -> Path:
    """Return where private folders are made: in memory, else among temporary files."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    in_memory = any(line.split()[1:3] == [str(_MEMORY), _TMPFS] for line in mounts)
    return _MEMORY if in_memory and os.access(_MEMORY, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is run. ``folder`` is the private folder, which holds the host names in ``hosts``, a line each.

    ``worker`` is the process that waits for it.
    """

    folder: str
    worker: int
    project: str
    playbook: str
    inventory: str
    variables: Mapping[str, Any]

    @property
    def text(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(asdict(self)).encode()


@contextmanager
def fresh(parent: Path) -> Iterator[Path]:
    """Make a folder that nobody else can enter; its name is the mark of the run's processes (`processes.MARK`).

    At the end the processes are killed and the folder is removed, also those of a worker that was itself killed.
    Raises ``OSError``.
    """
    _reap(parent)
    made = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=parent))
    handle = _held(made)
    # It has its name only once it is locked: what has the name and no lock is left over.
    folder = made.rename(made.with_name(made.name.removeprefix(".")))
    try:
        yield folder
    finally:
        processes.end(folder.name)
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _held(folder: Path) -> int:
    """Lock a folder as long as this process lives (flock(2)); raises ``BlockingIOError`` where its owner lives."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _reap(parent: Path) -> None:
    """End what a killed worker left: its processes must not run beside those of a second try."""
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            # Where everybody may write, others can lay down folders by that name.
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                continue
            handle = _held(folder)
        except OSError:
            continue
        processes.end(folder.name)
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)
