"""One worker a machine where the engine is the ledger's own loop."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from haechi.hr.engine import EngineError


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock of the one worker; the kernel lets go of it however the process ends. Raises ``EngineError``."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EngineError(f"{path}: {error.strerror}: make it writable for the account that runs Haechi") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise EngineError(
            f"{path}: another worker runs here: stop it first, or set `engine: procrastinate` for several"
        ) from error
    try:
        yield
    finally:
        os.close(handle)
