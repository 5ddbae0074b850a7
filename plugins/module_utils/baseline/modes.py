"""Modes and owners by rule: a rule takes rights away and never grants one.

``max`` is an upper bound, so a stricter mode (0440 where 0640 is allowed) stays as it is.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.baseline.change import Act, Change, Override, Plan, SetMode


@dataclass(frozen=True)
class Rule:
    """What may be true at most of the files that some patterns name."""

    topic: str
    paths: tuple[str, ...]
    max: int
    owner: str | None
    group: str | None
    below: bool
    keep: bool
    but: tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """A file or folder as it is."""

    path: str
    mode: int
    owner: str
    group: str


def rule(raw: Mapping[str, Any]) -> Rule:
    """Read one rule as a role writes it.

    Raises ``ValueError`` where ``max`` is not an octal number in quotes.
    """
    return Rule(
        topic=str(raw["topic"]),
        paths=tuple(raw["paths"]),
        # A text, since YAML 1.1 makes the number 420 of a bare 0644.
        max=int(str(raw["max"]), 8),
        owner=raw.get("owner"),
        group=raw.get("group"),
        below=bool(raw.get("below", False)),
        keep=bool(raw.get("keep", False)),
        but=tuple(raw.get("but", ())),
    )


def expand(pattern: str) -> Iterator[Path]:
    """Paths that a pattern names; a path without a star names itself if it exists."""
    path = Path(pattern)
    if "*" in pattern:
        yield from sorted(Path("/").glob(pattern.lstrip("/")))
    elif path.exists():
        yield path


def members(wanted: Rule) -> Iterator[Path]:
    """Files a rule is about, links left out; with ``below`` all files under its folders."""
    for pattern in wanted.paths:
        for path in expand(pattern):
            if not wanted.below:
                yield path
                continue
            for folder, _, names in os.walk(path):
                yield from (Path(folder, name) for name in sorted(names))


def observe(wanted: Rule, owners: Mapping[int, str], groups: Mapping[int, str]) -> tuple[Seen, ...]:
    """Look at what the rule is about; a file that vanishes meanwhile is left out."""
    seen = []
    for path in members(wanted):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if str(path) in wanted.but or not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            continue
        owner = owners.get(status.st_uid, str(status.st_uid))
        seen.append(Seen(str(path), stat.S_IMODE(status.st_mode), owner, groups.get(status.st_gid, str(status.st_gid))))
    return tuple(seen)


def plan(wanted: Rule, seen: Iterable[Seen], overridden: Mapping[str, str]) -> Plan:
    """Return what takes the files of a rule under its bounds.

    ``overridden`` maps a path to "owner group mode" as dpkg-statoverride holds it.
    """
    changes = []
    for entry in seen:
        mode = entry.mode & wanted.max
        owner, group = wanted.owner or entry.owner, wanted.group or entry.group
        before = f"{entry.owner}:{entry.group} {entry.mode:04o}"
        after = f"{owner}:{group} {mode:04o}"
        kept = overridden.get(entry.path)
        if before == after and not (wanted.keep and kept != f"{owner} {group} {mode:o}"):
            continue
        act: Act = SetMode(entry.path, mode, wanted.owner, wanted.group)
        if wanted.keep:
            act = Override(entry.path, mode, owner, group)
            before, after = f"{before}, override {kept or 'none'}", f"{after}, kept at upgrades"
        changes.append(Change(wanted.topic, entry.path, before, after, (act,)))
    return Plan(tuple(changes))


def overrides(text: str) -> dict[str, str]:
    """Read dpkg's statoverride file: normal path -> "owner group mode".

    Names below the links of a merged /usr (/bin/su) are given as the files they are (/usr/bin/su).
    """
    found = {}
    for line in text.splitlines():
        owner, group, mode, path = line.split(maxsplit=3)
        for top in ("/bin/", "/sbin/", "/lib/"):
            if path.startswith(top):
                path = f"/usr{path}"
        found[path] = f"{owner} {group} {int(mode, 8):o}"
    return found
