"""Programs that lend rights to whoever starts them, and that somebody left behind: her set-ID files, and capabilities.

A file counts for a person when it is hers, or lies below a folder of hers, whoever it belongs to: what root's shell
made there during a `sudo -i` is root's (credentials(7), capabilities(7)).
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils.accounts import state
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import AccountError, Change, Disarm
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Account, Armed, Current
from ansible_collections.haechi.guard.plugins.module_utils.baseline import filesystems

CAPABILITY = "security.capability"
MOUNTS = "/proc/self/mounts"
# In there, numbers are those of images, not of people here.
CONTAINERS = frozenset({"/var/lib/containers/storage", "/var/lib/docker", "/var/lib/containerd"})
# A denial waits for the search of a home and of the folders that are open to everybody, and for no other.
NEAR_S = 20.0


@dataclass
class Watch:
    """What is remembered along one walk: whose the folders are that lead to a file."""

    top: str
    _above: dict[str, frozenset[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look at the folder that the walk starts at."""
        self._enter(self.top, os.stat(self.top).st_uid, frozenset())  # noqa: PTH116 -- as the walk does

    def see(self, path: str, status: os.stat_result) -> Armed | None:
        """Return the file as one that lends rights to somebody's benefit; None for folders and nearly all files."""
        mode = status.st_mode
        if stat.S_ISDIR(mode):
            self._enter(path, status.st_uid, self._led(path))
            return None
        if not stat.S_ISREG(mode) or not mode & (filesystems.SET_ID | 0o111):
            return None
        people = self._led(path) | ({status.st_uid} if is_person(status.st_uid) else set())
        how = _how(path, mode) if people else ()
        if not how:
            return None
        # Another name of this very file may be a program that the host needs: /usr/bin/sudo, linked into a home.
        own = status.st_nlink == 1 or is_person(status.st_uid)
        return Armed(path=path, how=how, people=people, own=own, place=(status.st_dev, status.st_ino))

    def _led(self, path: str) -> frozenset[int]:
        return self._above.get(path.rpartition("/")[0] or "/", frozenset()) if self._above else frozenset()

    def _enter(self, path: str, uid: int, led: frozenset[int]) -> None:
        people = led | {uid} if is_person(uid) else led
        if people:
            self._above[path] = people


def is_person(uid: int) -> bool:
    """Return whether a number is one that people have, as far as a number tells."""
    return state.FIRST_UID <= uid < state.NOBODY


def _how(path: str, mode: int) -> tuple[str, ...]:
    words = [word for bit, word in ((stat.S_ISUID, "set-uid"), (stat.S_ISGID, "set-gid")) if mode & bit]
    try:
        os.getxattr(path, CAPABILITY, follow_symlinks=False)
    except OSError:
        return tuple(words)
    return (*words, "capabilities")


def mounted(text: str) -> frozenset[str]:
    """Return the mount points in the text of /proc/self/mounts, whose blanks are octal numbers (fstab(5))."""
    places = (line.split()[1] for line in text.splitlines())
    return frozenset(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), place) for place in places)


def search(tops: Iterable[str], until: float | None = None) -> Iterator[Armed]:
    """Yield each file below some folders once. What is mounted below one is a tree of its own and is left out.

    Raises ``AccountError`` where the search did not end in time.
    """
    known, closed = set(), CONTAINERS | mounted(Path(MOUNTS).read_text())
    for top in tops:
        watch = Watch(top)
        for looked, (entry, status) in enumerate(filesystems.entries(top, closed), 1):
            if until is not None and not looked % 4096 and time.monotonic() > until:
                raise AccountError(f"{top} has too many files to search now; the next run of site does")
            found = watch.see(entry.path, status)
            if found is not None and found.path not in known:
                known.add(found.path)
                yield found


def near(account: Account) -> tuple[Armed, ...]:
    """Return what is in a person's home and in the folders that are open to everybody. Raises ``AccountError``."""
    home = account.home.rstrip("/")
    tops = [
        top for top in ({home} if account.home_uid == account.uid else set()) | filesystems.SHARED if Path(top).is_dir()
    ]
    return _of(search(sorted(tops), time.monotonic() + NEAR_S), account)


class Everywhere:
    """All local file systems, searched once and only if somebody asks."""

    def __call__(self, account: Account) -> tuple[Armed, ...]:
        """Return what there is of a person."""
        return _of(self._found, account)

    @cached_property
    def _found(self) -> tuple[Armed, ...]:
        return tuple(search(filesystems.roots(Path(MOUNTS).read_text())))


def _of(found: Iterable[Armed], account: Account) -> tuple[Armed, ...]:
    rows = (row for row in found if account.uid in row.people and is_person(account.uid))
    return tuple(sorted(rows, key=lambda row: row.path))


def plan(current: Current, name: str, look: Callable[[Account], tuple[Armed, ...]] | None = None) -> tuple[Change, ...]:
    """Return the changes that take the rights off what a person left behind; the files stay. Raises ``AccountError``.

    ``look`` is how the host is searched, everywhere if it is not said.
    """
    account = current.accounts.get(name)
    found = (look or current.armed)(account) if account is not None else ()
    return tuple(
        Change(name, row.path, ", ".join(row.how), "lends no rights", (Disarm(row.path, row.place),))
        for row in found
        if row.own
    )


def kept(current: Current, name: str, look: Callable[[Account], tuple[Armed, ...]] | None = None) -> tuple[Armed, ...]:
    """Return what is not this code's to change: other names of a file that belongs to the system."""
    account = current.accounts.get(name)
    return tuple(row for row in (look or current.armed)(account) if not row.own) if account is not None else ()
