"""What stands out among the files of a machine: judged, and planned."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.haechi.guard.plugins.module_utils.baseline.change import Change, Finding, Override, Plan
from ansible_collections.haechi.guard.plugins.module_utils.baseline.filesystems import SET_ID, SHARED, entries

# Accounts that systemd invents while a DynamicUser= service runs (systemd.exec(5)).
DYNAMIC = range(61184, 65520)
# Where a name that begins with a dot has no business; /etc keeps skeletons and lock files.
HIDDEN_IN = (*SHARED, "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/local", "/var/www")
HIDDEN_KNOWN = frozenset({".X11-unix", ".ICE-unix", ".XIM-unix", ".font-unix", ".build-id", ".placeholder", ".keep"})
SHOWN = 50


@dataclass(frozen=True)
class Item:
    """A file that stood out in the walk."""

    kind: str
    path: str
    mode: int = 0
    owner: str = ""
    group: str = ""


def judge(
    path: str, name: str, status: os.stat_result, owners: Mapping[int, str], groups: Mapping[int, str]
) -> Iterator[Item]:
    """Say in what ways one file stands out; most files do in none."""
    mode = status.st_mode
    if stat.S_ISREG(mode) and mode & SET_ID:
        owner = owners.get(status.st_uid, str(status.st_uid))
        yield Item("set_id", path, stat.S_IMODE(mode), owner, groups.get(status.st_gid, str(status.st_gid)))
    sticky = stat.S_ISDIR(mode) and mode & stat.S_ISVTX
    if mode & stat.S_IWOTH and not sticky and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        yield Item("world_writable", path, stat.S_IMODE(mode))
    if (status.st_uid not in owners and status.st_uid not in DYNAMIC) or (
        status.st_gid not in groups and status.st_gid not in DYNAMIC
    ):
        yield Item("no_owner", path, stat.S_IMODE(mode), str(status.st_uid), str(status.st_gid))
    if name.startswith(".") and name not in HIDDEN_KNOWN and path.startswith(HIDDEN_IN):
        yield Item("hidden", path)


def walk(
    tops: Iterable[str], skip: Iterable[str], owners: Mapping[int, str], groups: Mapping[int, str]
) -> tuple[Item, ...]:
    """Look at every file once and return those that stand out, sorted."""
    closed = frozenset(skip)
    found: set[Item] = set()
    for top in tops:
        for entry, status in entries(top, closed):
            found.update(judge(entry.path, entry.name, status, owners, groups))
    return tuple(sorted(found, key=lambda item: (item.kind, item.path)))


def device_files(top: str = "/dev") -> tuple[Item, ...]:
    """Return regular files below /dev, where only devices belong; memory file systems in it are other devices."""
    regular = (entry for entry, status in entries(top, frozenset()) if stat.S_ISREG(status.st_mode))
    return tuple(Item("not_a_device", entry.path) for entry in regular)


FINDINGS = {
    "world_writable": ("U-25", "anybody may write here; take the right away or give a folder the sticky bit"),
    "no_owner": ("U-15", "no account or group has this number; give the file an owner or remove it"),
    "hidden": ("U-33", "a hidden file where none belongs; look at what made it"),
    "not_a_device": ("U-26", "a regular file below /dev hides from most searches; look at what made it"),
}


def plan(items: Iterable[Item], allow: Iterable[str], ruled: Iterable[str]) -> Plan:
    """Strip set-ID bits that the allow-list does not name; report the rest of what stood out.

    ``ruled`` are paths that a rule on modes speaks about already.
    """
    spared = {*allow, *ruled}
    changes, findings = [], []
    for item in items:
        if item.kind != "set_id":
            topic, mend = FINDINGS[item.kind]
            findings.append(Finding(topic, item.path, f"{item.owner}:{item.group} {item.mode:04o}".lstrip(":"), mend))
        elif item.path not in spared:
            mode = item.mode & ~SET_ID
            before = f"{item.owner}:{item.group} {item.mode:04o}"
            act = Override(item.path, mode, item.owner, item.group)
            changes.append(
                Change("U-23", item.path, before, f"{item.owner}:{item.group} {mode:04o}, kept at upgrades", (act,))
            )
    return Plan(tuple(changes), shortened(findings))


def shortened(findings: list[Finding]) -> tuple[Finding, ...]:
    """Keep the first of each topic and say how many more there are: a tree without owner has thousands."""
    kept: list[Finding] = []
    for topic in sorted({finding.topic for finding in findings}):
        rows = [finding for finding in findings if finding.topic == topic]
        kept += rows[:SHOWN]
        if len(rows) > SHOWN:
            kept.append(Finding(topic, f"{len(rows) - SHOWN} more", "not listed", rows[0].mend))
    return tuple(kept)
