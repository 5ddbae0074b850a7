"""Files that are whole or absent after a crash, and errors in plain words."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from haechi.evidence import EvidenceError

_MEND = {
    errno.ENOSPC: "the disk is full: free space and run again",
    errno.EDQUOT: "the quota is used up: free space and run again",
    errno.EROFS: "the disk is read-only: mount it writable and run again",
    errno.EACCES: "permission denied: make it writable for the account that runs Haechi",
    errno.EPERM: "permission denied: make it writable for the account that runs Haechi",
    errno.ENOENT: "it does not exist: check the path",
    errno.ENOTDIR: "a part of the path is a file: move it out of the way",
}


def told(path: Path, error: OSError) -> EvidenceError:
    """Return an operating system's error as a person can act on it."""
    return EvidenceError(f"{path}: {_MEND.get(error.errno or 0, f'{error.strerror}: mend it and run again')}")


def folder(path: Path) -> None:
    """Make a folder that only its owner may enter. Raises ``EvidenceError``."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise told(path, error) from error


def read(path: Path) -> bytes:
    """Return a file's bytes. Raises ``EvidenceError``."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise told(path, error) from error


def swap(path: Path, data: bytes) -> None:
    """Put a whole file in place of the old one, durable when this returns. Raises ``EvidenceError``."""
    name = ""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        raise told(path, error) from error
    # A file's own fsync does not make its name durable (fsync(2)).
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that other processes of this machine wait for. Raises ``EvidenceError``."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise told(path, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def append(path: Path, line: bytes) -> None:
    """Append one line in one write, durable when this returns. Raises ``EvidenceError``."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            write_whole(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise told(path, error) from error


def write_whole(handle: int, data: bytes) -> None:
    """Write all bytes, or take back the part that was written. Raises ``OSError``."""
    before = os.fstat(handle).st_size
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
    except OSError:
        os.ftruncate(handle, before)
        raise
