"""Processes that carry a mark in their environment, and the end of all of them: forks inherit it."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MARK = "HAECHI_HR_RUN"
# What the kernel cannot end within this waits for a disk or a network file system (proc(5), state D).
PATIENCE_S = 2.0
_PAUSE = 0.01
_PR_SET_PDEATHSIG = 1


def die_with_parent(number: signal.Signals) -> None:
    """Have the kernel send this process a signal when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG).

    Raises ``OSError``.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")


def marked(mark: str) -> list[int]:
    """Return the processes that carry the mark, this one left out."""
    return [pid for pid in _all() if pid != os.getpid() and _carries(pid, mark)]


def end(mark: str, patience_s: float = PATIENCE_S) -> list[int]:
    """Kill every process that carries the mark, this one left out; return those that are still there, none as a rule.

    One that is killed while it forks leaves a child, so it is looked again until nobody is found.
    """
    until = time.monotonic() + patience_s
    while left := marked(mark):
        for pid in left:
            _kill(pid, mark)
        if time.monotonic() > until:
            break
        time.sleep(_PAUSE)
    return left


def _all() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _carries(pid: int, mark: str) -> bool:
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False  # somebody else's, or gone
    return f"{MARK}={mark}".encode() in variables


def _kill(pid: int, mark: str) -> None:
    # A number may be another process's by now: what the handle holds is looked at again before it is killed.
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            if _carries(pid, mark):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
