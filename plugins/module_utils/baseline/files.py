"""Writing files so that neither a crash nor a hostile folder does harm."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
from pathlib import Path


def ids(owner: str | None, group: str | None) -> tuple[int, int]:
    """Return uid and gid for chown; ``None`` means leave it (-1).

    Raises ``KeyError`` for a name that no account or group has.
    """
    return (
        -1 if owner is None else pwd.getpwnam(owner).pw_uid,
        -1 if group is None else grp.getgrnam(group).gr_gid,
    )


def sync(folder: Path) -> None:
    """Bring a folder's names to the disk (fsync(2)), as the scripts that stand alone do by themselves."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it readable, whatever umask this login has."""
    if not folder.exists():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700)
        folder.chmod(0o755)
        sync(folder.parent)


def write(path: str, data: bytes, *, mode: int, uid: int, gid: int) -> None:
    """Replace ``path`` at once: mode and owner before content, fsync before rename and after it.

    Raises ``OSError`` where the folder cannot be written; the old file is untouched then.
    """
    import tempfile  # noqa: PLC0415 -- slow to begin, and seldom asked

    target = Path(path)
    make_folder(target.parent)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            os.fchown(handle, uid, gid)
            os.fchmod(handle, mode)
            stream.write(data)
            stream.flush()
            os.fsync(handle)
        Path(name).replace(target)
        # The new name is on the disk with its folder, not with the file (fsync(2)).
        sync(target.parent)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()


def rewrite(path: str, text: str) -> None:
    """Replace the text of an existing file and keep its mode and owner."""
    seen = os.lstat(path)
    write(path, text.encode(), mode=stat.S_IMODE(seen.st_mode), uid=seen.st_uid, gid=seen.st_gid)


def set_mode(path: str, mode: int, owner: str | None, group: str | None) -> None:
    """Set owner and mode without following a link that somebody put in the way.

    Raises ``OSError`` (ELOOP) where ``path`` has become a link.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        # Owner first: chown(2) takes set-ID bits away, also when root calls it.
        if owner is not None or group is not None:
            os.fchown(handle, *ids(owner, group))
        os.fchmod(handle, mode)
    finally:
        os.close(handle)
