"""Changing files in folders that somebody else owns: each step holds the folder open and follows no link."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils.accounts import state
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import AccountError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Non-blocking, since opening a pipe would else wait for a writer (fifo(7)); a link ends in ELOOP (open(2)).
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def remove(path: str) -> None:
    """Remove one file. A folder `.ssh` that is a link is removed itself: what it points to is not the person's."""
    target = Path(path)
    with _opened(target.parent) as folder, contextlib.suppress(FileNotFoundError):
        if folder is not None:
            os.unlink(target.name, dir_fd=folder)


def settle(folder: str) -> None:
    """Have the disk know what was removed from a folder or replaced in it; one that is gone has nothing to keep.

    Whoever removes or strips several files calls it once a folder (fsync(2)): until then a power cut brings them back.
    """
    with _opened(Path(folder)) as handle:
        if handle is not None:
            os.fsync(handle)


def strip(path: str, fingerprints: frozenset[str]) -> None:
    """Take the lines with these keys out of a file; its owner and mode stay, an empty rest is removed.

    Raises ``AccountError`` for a file that is too large to be read whole; no line of it is lost.
    """
    target = Path(path)
    with _opened(target.parent) as folder:
        if folder is None:
            return
        try:
            handle = os.open(target.name, _FILE, dir_fd=folder)
        except FileNotFoundError:
            return
        except OSError:
            os.unlink(target.name, dir_fd=folder)
            return
        with os.fdopen(handle, "rb") as file:
            seen, data = os.fstat(handle), file.read(state.MOST_KEYS + 1)
        if len(data) > state.MOST_KEYS:
            raise AccountError(
                f"{path} is larger than {state.MOST_KEYS >> 20} MiB, so whose keys are in it is not known:"
                " shorten or remove it by hand"
            )
        text = data.decode(errors="surrogateescape")
        rest = [line for line in text.splitlines(keepends=True) if state.fingerprint(line) not in fingerprints]
        if not any(map(state.fingerprint, rest)):
            os.unlink(target.name, dir_fd=folder)
            return
        _replace(folder, target.name, "".join(rest).encode(errors="surrogateescape"), seen)


def disarm(path: str, place: tuple[int, int]) -> None:
    """Take set-ID bits and capabilities off a file; content and owner stay.

    Raises ``OSError`` where another file has its name by now.
    """
    handle = os.open(path, _FILE)
    try:
        seen = os.fstat(handle)
        if (seen.st_dev, seen.st_ino) != place:
            raise FileNotFoundError(errno.ENOENT, "another file has this name now", path)
        os.fchmod(handle, stat.S_IMODE(seen.st_mode) & ~(stat.S_ISUID | stat.S_ISGID))
        try:
            os.removexattr(handle, "security.capability")
        except OSError as error:
            if error.errno not in {errno.ENODATA, errno.ENOTSUP}:
                raise
    finally:
        os.close(handle)


def folder(path: str, mode: int, uid: int, gid: int, *, make: bool = True) -> None:
    """Make a folder, or mend its mode and owner, never through a link."""
    target = Path(path)
    if make:
        with contextlib.suppress(FileExistsError):
            target.mkdir(mode=0o700)
    handle = os.open(target, _FOLDER)
    try:
        os.fchown(handle, uid, gid)
        os.fchmod(handle, mode)
    finally:
        os.close(handle)


def inherit(path: str, uid: int, gid: int) -> None:
    """Give root what below a folder belongs to a number; what has another owner keeps it, no link is followed."""
    for _, folders, names, handle in os.fwalk(path, follow_symlinks=False):
        for name in (*folders, *names):
            seen = os.stat(name, dir_fd=handle, follow_symlinks=False)
            owner = (0 if seen.st_uid == uid else -1, 0 if seen.st_gid == gid else -1)
            if owner != (-1, -1):
                os.chown(name, *owner, dir_fd=handle, follow_symlinks=False)


def _replace(folder: int, name: str, data: bytes, like: os.stat_result) -> None:
    spare = f".{name}.haechi"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(spare, dir_fd=folder)
    handle = os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    with os.fdopen(handle, "wb") as file:
        os.fchown(handle, like.st_uid, like.st_gid)
        os.fchmod(handle, stat.S_IMODE(like.st_mode))
        file.write(data)
        file.flush()
        os.fsync(handle)
    os.rename(spare, name, src_dir_fd=folder, dst_dir_fd=folder)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    """Hold a folder open; none if it is not there, or was a link and is gone now."""
    with contextlib.ExitStack() as held:
        handle = None
        with contextlib.suppress(FileNotFoundError):
            above = os.open(path.parent, _FOLDER & ~os.O_NOFOLLOW)
            held.callback(os.close, above)
            handle = _below(above, path.name)
            if handle is not None:
                held.callback(os.close, handle)
        yield handle


def _below(above: int, name: str) -> int | None:
    try:
        return os.open(name, _FOLDER, dir_fd=above)
    except NotADirectoryError:
        if name != ".ssh":
            raise
        os.unlink(name, dir_fd=above)
        os.fsync(above)
        return None
