"""One walk over the machine's own file systems, which serves every question about all files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

LOCAL = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "overlay"})
# In memory, and open to everybody: where an intruder's first files land.
SHARED = frozenset({"/tmp", "/var/tmp", "/dev/shm"})  # noqa: S108
SET_ID = stat.S_ISUID | stat.S_ISGID


def roots(mounts: str) -> tuple[str, ...]:
    """Folders to start at: mount points of local file systems and shared folders, from /proc/self/mounts' text."""
    rows = (line.split() for line in mounts.splitlines())
    wanted = {row[1] for row in rows if row[2] in LOCAL or row[1] in SHARED}
    return tuple(sorted(top for top in wanted if os.path.isdir(top)))  # noqa: PTH112


def entries(top: str, skip: frozenset[str]) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
    """Every file and folder below ``top`` on its own file system; what vanishes or is closed is left out."""
    device, stack = os.stat(top).st_dev, [top]  # noqa: PTH116
    while stack:
        try:
            with os.scandir(stack.pop()) as listing:
                for entry in listing:
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    if stat.S_ISDIR(status.st_mode):
                        if status.st_dev != device or entry.path in skip:
                            continue
                        stack.append(entry.path)
                    yield entry, status
        except OSError:
            continue
