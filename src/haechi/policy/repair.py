"""What is left of a policy whose shape is broken: enough to judge the rest of it, and to shut a leaver out.

Never enough to configure a host. What is unknown is taken at its widest: a broken job reaches every host, so that a
leaver is looked for everywhere. No host is dropped, and what names the state folder is never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from haechi.policy.models import Job, Policy
from haechi.policy.problems import Path, dotted
from haechi.policy.resolve import ALL

GONE = object()
ROUNDS = 40
SPARE: dict[str, Any] = {
    "flows": [],
    "listeners": [],
    "waivers": [],
    "sshd": {},
    "password": {},
    "people": {},
    "privilege": {},
    "revocations": {},
    "shared_secrets": [],
    "firmware": {},
    "hr": None,
    "edge": None,
    "ids": None,
    "zones": {},
}
NEVER = {("site", "name"), ("site", "state_dir")}
NOBODY = "0.0.0.0"  # noqa: S104 - no host has this address
STAND_IN: dict[tuple[str, str], Any] = {
    ("site", "title"): "?",
    ("site", "banner"): "?",
    ("site", "control_node"): NOBODY,
    ("identities", "name"): "?",
    ("identities", "jobs"): ["unknown"],
    ("jobs", "title"): "?",
    ("jobs", "hosts"): [ALL],
    ("servers", "zone"): "unknown",
    ("servers", "address"): NOBODY,
}


@dataclass(frozen=True)
class Repaired:
    """A policy with its broken parts taken out; which parts, and which sections may lack a name for that."""

    policy: Policy
    left: Mapping[str, Any]
    touched: frozenset[Path]
    lost: frozenset[str]

    def original(self, path: Path) -> Path:
        """Return where a value of this policy stands in the files."""
        return _original(self.left, path)

    def is_aftermath(self, path: str) -> bool:
        """Return whether a finding is about a part that was mended, which has been told already."""
        items = {dotted(part[:2]) for part in self.touched}
        return path in self.lost or any(path == item or path.startswith((f"{item}.", f"{item}[")) for item in items)


def repair(data: Mapping[str, Any]) -> Repaired | None:
    """Return what can be kept of data that is no policy, or None where that is too little to act on."""
    left: dict[str, Any] = {**deepcopy(SPARE), **deepcopy(dict(data))}
    touched: set[Path] = set()
    lost: set[str] = set()
    for _ in range(ROUNDS):
        try:
            return Repaired(Policy.model_validate(_strip(left)), left, frozenset(touched), frozenset(lost))
        except ValidationError as error:
            details = error.errors(include_url=False)
        found = [(_target(left, _original(left, detail["loc"]), detail["type"]), detail["type"]) for detail in details]
        for target, kind in found:
            if target is None:
                return None
            _mend(left, target)
            touched.add(target)
            lost |= {str(target[0])} if kind != "extra_forbidden" else set()
    return None


def widest(policy: Policy) -> Policy:
    """Return the policy with every job that is undefined, or names an unknown host, reaching every host."""
    known = {*policy.hosts, *policy.zones, ALL}
    jobs = {
        name: job if known.issuperset(job.hosts) else job.model_copy(update={"hosts": (ALL,)})
        for name, job in policy.jobs.items()
    }
    held = {name for identity in policy.identities for name in identity.jobs}
    jobs |= {name: Job(title="?", hosts=(ALL,)) for name in held - set(jobs)}
    return policy.model_copy(update={"jobs": jobs})


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _strip(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_strip(inner) for inner in value if inner is not GONE]
    return value


def _original(left: Mapping[str, Any], path: Path) -> Path:
    value: Any = left
    found: list[str | int] = []
    for part in path:
        place = part
        if isinstance(value, list) and isinstance(part, int):
            kept = [index for index, inner in enumerate(value) if inner is not GONE]
            place = kept[part] if part < len(kept) else part
        value = _inside(value, place)
        found.append(place)
    return tuple(found)


def _inside(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    return value[part] if isinstance(value, list) and isinstance(part, int) and part < len(value) else None


def _target(left: dict[str, Any], path: Path, kind: str) -> Path | None:
    """Return what to take out for a finding, or None for what must not be guessed."""
    missing = kind == "missing"
    target = path if missing and _stand_in(path) is not None else _existing(left, path[:-1] if missing else path)
    depth = 2 if target[:1] == ("site",) else 3
    if len(target) > depth and _stand_in(target[:depth]) is not None:
        target = target[:depth]
    if not target or target[:2] in NEVER or (len(target) == 1 and target[0] not in SPARE):
        return None
    return None if "[key]" in path and target[0] in {"servers", "jobs"} else target


def _existing(left: dict[str, Any], path: Path) -> Path:
    value: Any = left
    for end, part in enumerate(path):
        there = part in value if isinstance(value, dict) else isinstance(value, list) and isinstance(part, int)
        if not there:
            return path[:end]
        value = _inside(value, part)
    return path


def _stand_in(target: Path) -> Any:
    section, depth = str(target[0]), 2 if target[:1] == ("site",) else 3
    if len(target) == 1:
        return deepcopy(SPARE.get(section))
    if len(target) == depth:
        return deepcopy(STAND_IN.get((section, str(target[-1]))))
    if section in {"servers", "jobs"} and len(target) < depth:
        return {name: deepcopy(value) for (place, name), value in STAND_IN.items() if place == section}
    return None


def _mend(left: dict[str, Any], target: Path) -> None:
    holder: Any = left
    for part in target[:-1]:
        holder = _inside(holder, part)
    value = _stand_in(target)
    if value is not None and isinstance(holder, dict):
        holder[target[-1]] = value
    elif isinstance(holder, list) and isinstance(target[-1], int):
        holder[target[-1]] = GONE
    elif isinstance(holder, dict):
        holder.pop(target[-1], None)
