"""Policy's one door: the files in ``group_vars/all/policy``, read without Ansible."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from haechi.policy import doors, yamlfile
from haechi.policy.checks import check
from haechi.policy.doors import FOLDER, NAMES
from haechi.policy.models import Policy
from haechi.policy.problems import Path as Place
from haechi.policy.problems import Problem, Where, did_you_mean, shown
from haechi.policy.repair import repair, widest
from haechi.policy.resolve import day_of
from haechi.policy.words import in_words
from haechi.policy.yamlfile import Reader


@dataclass(frozen=True)
class Loaded:
    """What was read, with problems sorted by file and line.

    ``policy`` is None where its shape is broken. ``usable`` is what is left when broken parts are taken out or, where
    that could hide an open door, taken at their widest: enough to shut a leaver out, never to configure a host.
    """

    policy: Policy | None
    problems: tuple[Problem, ...]
    where: Where = field(default_factory=lambda: Where({}))
    usable: Policy | None = None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Return the problems that stop a run."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


def load(inventory: Path, extra_vars: Mapping[str, object] | None = None, at: date | None = None) -> Loaded:
    """Read and judge the policy of an inventory folder; never raises on bad input.

    ``extra_vars`` are those of the command line; ``at`` is the day that dates are judged on, today if not given.
    """
    day = at or day_of(datetime.now(UTC))
    read = doors.files(inventory)
    if not read.policy:
        mend = "point -i at a folder that holds it; inventories/example is one to copy"
        none = Problem(file=str(inventory / FOLDER), line=0, path="", what="no policy files here", mend=mend)
        return Loaded(None, _sorted([none, *doors.other_doors(read, extra_vars or {})]))
    return _judged(read, frozenset(NAMES & set(extra_vars or {})), day)


@lru_cache(8)
def _judged(read: doors.Files, extra_vars: frozenset[str], day: date) -> Loaded:
    """Judge what was read; pure. A service asks for its policy at every step, and it seldom changes between two."""
    data, where, problems = _gathered(read)
    problems += list(doors.other_doors(read, extra_vars))
    if not data:
        return Loaded(None, _sorted(problems), where)
    try:
        policy = Policy.model_validate(data)
    except ValidationError as error:
        return _broken(data, where, problems, error, day)
    problems += [*check(policy, where, day), *doors.hosts(read, policy, where)]
    return Loaded(policy, _sorted(problems), where, usable=widest(policy))


def state_dir(policy: Policy) -> Path:
    """Return the folder of tombstones and pinned host keys, outside the checkout."""
    override = os.environ.get("HAECHI_STATE_DIR")
    if override:
        return Path(override).expanduser() / policy.site.name
    if policy.site.state_dir:
        return Path(policy.site.state_dir).expanduser()
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "haechi" / policy.site.name


def _broken(data: dict[str, Any], where: Where, problems: list[Problem], error: ValidationError, day: date) -> Loaded:
    """Judge a policy whose shape is broken: what is left of it too, so that all problems are told at once."""
    told = {(problem.file, problem.line, problem.path) for problem in problems}
    unread = any(not problem.path for problem in problems)
    found = list(in_words(error, where))
    problems += [
        problem
        for problem in found
        if (problem.file, problem.line, problem.path) not in told and not (unread and problem.path in NAMES - set(data))
    ]
    left = repair(data)
    if left is None:
        return Loaded(None, _sorted(problems), where)
    at_home = replace(where, original=left.original)
    problems += [p for p in check(left.policy, at_home, day, left.lost) if not left.is_aftermath(p.path)]
    return Loaded(None, _sorted(problems), where, usable=widest(left.policy))


def _gathered(read: doors.Files) -> tuple[dict[str, Any], Where, list[Problem]]:
    data: dict[str, Any] = {}
    places: dict[Place, tuple[str, int]] = {}
    problems: list[Problem] = []
    for file in read.policy:
        names, reader = _names(file)
        problems += reader.problems
        wrong = {name: said for name in names if (said := _name_problem(name, reader, data, places))}
        problems += wrong.values()
        right = {name: value for name, value in names.items() if name not in wrong}
        data |= right
        places |= {place: line for place, line in reader.places.items() if place and place[0] in right}
    return data, Where(places, lab=read.lab), problems


def _names(file: doors.File) -> tuple[dict[str, Any], Reader]:
    if not file.fault:
        return yamlfile.read(file.name, file.text)
    what, mend = f"cannot be read: {shown(file.fault)}", "make it a UTF-8 file that you may read"
    return {}, Reader(file.name, problems=[Problem(file=file.name, line=0, path="", what=what, mend=mend)])


def _name_problem(
    name: str, reader: Reader, data: dict[str, Any], places: Mapping[Place, tuple[str, int]]
) -> Problem | None:
    line = reader.places[(name,)][1]
    if name not in NAMES:
        what, mend = f"{shown(name)} is no policy name", did_you_mean(name, NAMES)
    elif name in data:
        what, mend = f"{name} is in {places[(name,)][0]} too", "keep each policy name in one file"
    else:
        return None
    return Problem(file=reader.file, line=line, path=shown(name), what=what, mend=mend)


def _sorted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(set(problems)))
