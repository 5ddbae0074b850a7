"""What the machine under the lab can do: detected, never assumed."""

from __future__ import annotations

import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

from haechi.lab.podman import LabError

# systemd keeps about five inotify instances a container; the kernel's default of 128 a user ends at 25 machines.
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_EACH = 8
MANY_MACHINES = 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How containers must be started here."""

    runtime: str
    nofile: int
    nproc: int


def choose_runtime(*, unified: bool, available: frozenset[str]) -> str:
    """Return the OCI runtime to use: crun refuses a cgroup tree that is not purely v2.

    Raises ``LabError`` when none fits.
    """
    for name in ("crun", "runc") if unified else ("runc",):
        if name in available:
            return name
    wanted = "crun or runc" if unified else "runc (this machine's cgroup tree is not purely v2)"
    raise LabError(f"no container runtime fits this machine: install {wanted}, or run `make setup`")


def capped(hard: int, wanted: int) -> int:
    """Return a limit no higher than the caller's own hard limit, which a process cannot raise."""
    return wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)


def detect() -> Limits:
    """Read the machine's limits."""
    unified = Path("/sys/fs/cgroup/cgroup.controllers").is_file()
    available = frozenset(name for name in ("crun", "runc") if shutil.which(name))
    return Limits(
        runtime=choose_runtime(unified=unified, available=available),
        nofile=capped(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65536),
        nproc=capped(resource.getrlimit(resource.RLIMIT_NPROC)[1], 4096),
    )


def inotify_needed(machines: int, current: int) -> int | None:
    """Return the value to raise the machine's inotify instances to, or None where they suffice."""
    wanted = 128 + machines * INOTIFY_EACH
    return wanted if machines > MANY_MACHINES and current < wanted else None


def raise_inotify(machines: int, kept: Path) -> str | None:
    """Raise the limit for a big lab, keep the old value for ``restore_inotify``, and tell what was done."""
    current = int(INOTIFY.read_text())
    wanted = inotify_needed(machines, current)
    if wanted is None:
        return None
    kept.write_text(str(current))
    INOTIFY.write_text(str(wanted))
    return f"fs.inotify.max_user_instances raised from {current} to {wanted}; `lab down` puts it back"


def restore_inotify(kept: Path) -> None:
    """Put the machine's inotify limit back if the lab raised it."""
    if kept.is_file():
        INOTIFY.write_text(kept.read_text())
        kept.unlink()
