"""What the controls of KISA's items share: titles and severities from the catalogue, and bounds on files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from haechi.catalogue import Item, kisa_unix_2026
from haechi.controls.model import (
    Breaker,
    Case,
    Control,
    HostJudge,
    Severity,
    Status,
    Verdict,
    failed,
    none_of,
    not_here,
)
from haechi.observe.found import Modes, PathMode
from haechi.observe.posture import UnknownError
from haechi.observe.sections import Sshd

SEVERITY = {"상": Severity.HIGH, "중": Severity.MEDIUM, "하": Severity.LOW}
# Shells that give nobody a prompt; /bin/sync writes the disks and ends.
NO_SHELL = frozenset({"/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false", "/bin/sync"})
SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What may be true at most of the files that patterns name: ``x/*`` in a folder, ``x/**`` all below it."""

    paths: tuple[str, ...]
    top: int
    owner: str | None = "root"
    but: frozenset[str] = frozenset()

    def text(self) -> str:
        """Return the bound in words."""
        owner = f"owned by {self.owner} and " if self.owner else ""
        return f"{', '.join(self.paths)}: {owner}at most {self.top:04o}"


def kisa(
    code: str, *serves: str, judge: HostJudge | None = None, breaker: Breaker | None = None, reason: str = ""
) -> Control:
    """Return the control of an item; ``serves`` are articles of other frameworks that it serves too.

    One without a judge is left to a person, for the ``reason``. Raises ``KeyError`` where the guide has no such item.
    """
    item = _items()[code]
    return Control(
        id=code,
        title_ko=item.title_ko,
        title_en=item.title_en,
        severity=SEVERITY[item.severity],
        articles=(item.id, *serves),
        judge=judge,
        breaker=breaker,
        status=None if judge else Status.MANUAL,
        reason="" if judge else reason,
    )


def named(modes: Modes, patterns: Iterable[str]) -> list[PathMode]:
    """Return the files that patterns name.

    Raises ``UnknownError`` for a pattern that was not looked for: then nothing says that no such file is here.
    """
    found = []
    for pattern in patterns:
        rows = [row for row in modes.rows if _names(pattern, row)]
        # Of a folder whose files are all meant, the folder's name stands among the absent.
        if not rows and not {pattern, pattern.removesuffix("/**")} & {*modes.absent}:
            raise UnknownError(f"modes: nobody looked for {pattern}")
        found += rows
    return found


def beyond(rows: Iterable[PathMode], bound: Bound) -> list[str]:
    """Return what oversteps a bound, in words."""
    wrong = []
    for row in rows:
        if row.path in bound.but:
            continue
        if int(row.mode, 8) & ~bound.top:
            wrong.append(f"{row.path} has mode {row.mode}")
        if bound.owner not in {None, row.owner}:
            wrong.append(f"{row.path} belongs to {row.owner}")
    return wrong


def within(*bounds: Bound, must: str = "") -> HostJudge:
    """Return the judge of bounds on files; ``must`` is a file that has to be there."""
    expected = "; ".join(bound.text() for bound in bounds)

    def judge(case: Case) -> Verdict:
        wrong, rows = overstepped(case, bounds)
        if must and not named(case.posture.modes, [must]):
            return failed(f"there is no {must}", expected)
        if not rows:
            return not_here(f"none of these is here: {', '.join(path for b in bounds for path in b.paths)}", expected)
        return none_of(wrong, expected, looked_at(rows))

    return judge


def overstepped(case: Case, bounds: Iterable[Bound]) -> tuple[list[str], list[PathMode]]:
    """Return what oversteps bounds, in words, and all files that were looked at."""
    wrong: list[str] = []
    rows: list[PathMode] = []
    for bound in bounds:
        found = named(case.posture.modes, bound.paths)
        wrong += beyond(found, bound)
        rows += found
    return wrong, rows


def looked_at(rows: list[PathMode]) -> str:
    """Return which files were looked at: the first few with what they are."""
    first = ", ".join(f"{row.path} {row.owner}:{row.group} {row.mode}" for row in rows[:SHOWN])
    return f"{first} and {len(rows) - SHOWN} more" if len(rows) > SHOWN else first


def setting(sshd: Sshd, keyword: str) -> str:
    """Return a keyword of ``sshd -T``.

    Raises ``UnknownError`` where sshd did not say.
    """
    if keyword not in sshd.settings:
        raise UnknownError(f"sshd: sshd -T says nothing of {keyword}")
    return sshd.settings[keyword]


def values(case: Case, name: str) -> dict[str, str]:
    """Return the keys of a settings file.

    Raises ``UnknownError`` where it was not read.
    """
    files = case.posture.settings.files
    if name not in files:
        raise UnknownError(f"settings: {name} was not read")
    return files[name]


def number(found: dict[str, str], key: str) -> int | None:
    """Return a value as a number; None where it is none."""
    text = found.get(key, "").strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None


def pam_lines(case: Case, stack: str, module: str) -> list[tuple[str, ...]]:
    """Return the lines of a PAM file that call a module.

    Raises ``UnknownError`` where the file was not read.
    """
    stacks = case.posture.pam.stacks
    if stack not in stacks:
        raise UnknownError(f"pam: {stack} was not read")
    return [line for line in stacks[stack] if line[2:] and line[2].rpartition("/")[2] == module]


def unless(right: bool, wrong: str) -> list[str]:  # noqa: FBT001 - reads as a sentence
    """Return what is wrong, unless it is right."""
    return [] if right else [wrong]


def _names(pattern: str, row: PathMode) -> bool:
    if pattern.endswith("/**"):
        return row.path.startswith(pattern[:-2]) and not row.folder
    if pattern.endswith("/*"):
        return row.path.rpartition("/")[0] == pattern[:-2]
    return row.path == pattern


@cache
def _items() -> dict[str, Item]:
    return {item.code: item for item in kisa_unix_2026()}
