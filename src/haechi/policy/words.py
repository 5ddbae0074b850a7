"""Pydantic's findings in plain words, each with the way to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from haechi.policy import edge, firmware, ids, leaving, models, perimeter, privileges, provisioning, upkeep, vpn
from haechi.policy.problems import Path, Problem, Where, did_you_mean, shown
from haechi.policy.shape import Model

ID_RULE = "use 1 to 32 of a-z, 0-9, _ and -, beginning with a letter"
FIELDS: dict[str, type[Model]] = {
    "site": models.Site,
    "identities": models.Identity,
    "jobs": models.Job,
    "zones": perimeter.Zone,
    "servers": models.Host,
    "flows": models.Flow,
    "publish": models.Publish,
    "sudo": models.SudoRule,
    "listeners": models.Listener,
    "waivers": models.Waiver,
    "review": privileges.ReviewPolicy,
    "sshd": models.SshdPolicy,
    "mfa": models.MfaPolicy,
    "perimeter": perimeter.Perimeter,
    "password": upkeep.PasswordPolicy,
    "people": upkeep.PeoplePolicy,
    "privilege": privileges.PrivilegePolicy,
    "break_glass": privileges.BreakGlass,
    "revocations": leaving.RevocationsPolicy,
    "shared_secrets": leaving.SharedSecret,
    "firmware": firmware.Firmware,
    "devices": firmware.Device,
    "window": firmware.Window,
    "vpn": vpn.Vpn,
    "hr": provisioning.Hr,
    "sources": provisioning.Source,
    "breaker": provisioning.Breaker,
    "sla": provisioning.Sla,
    "alerts": provisioning.Alerts,
    "edge": edge.Edge,
    "services": edge.Service,
    "limits": edge.Limits,
    "exclusions": edge.Exclusion,
    "ids": ids.Ids,
    "pairs": ids.Pair,
    "rules": ids.RuleSource,
}
# What a job gives: an identity that names one of these asks for a right of its own.
GRANTS = frozenset(models.Job.model_fields) - frozenset(models.Identity.model_fields) | {"commands", "nopasswd"}


def in_words(error: ValidationError, where: Where) -> Iterable[Problem]:
    """Return a problem for each place that pydantic found fault with."""
    by_path: dict[Path, ErrorDetails] = {}
    for detail in error.errors(include_url=False):
        by_path.setdefault(real_path(detail["loc"], where), detail)
    for path, detail in by_path.items():
        # pydantic counts good items alone, so a list whose only item is broken is "too short" to it.
        if detail["type"] == "too_short" and any(
            len(other) > len(path) and other[: len(path)] == path for other in by_path
        ):
            continue
        what, mend = _words(detail, path)
        yield where.problem(path, what, mend)


def real_path(loc: tuple[int | str, ...], where: Where) -> Path:
    """Return where in the file a finding is: pydantic appends the member of a union, and a mapping's `[key]`."""
    path = tuple(part for part in loc if part != "[key]")
    while len(path) > 1 and path not in where.places and path[:-1] in where.places and _is_union_member(path[-1]):
        path = path[:-1]
    return path


def _is_union_member(part: int | str) -> bool:
    return isinstance(part, str) and (part[:2] in {"IP", "ip"} or part.startswith(("literal", "function")))


def _fields(path: Path) -> list[str]:
    names = [part for part in path[:-1] if isinstance(part, str) and part in FIELDS]
    if not names:
        model: type[Model] = models.Policy
    else:
        model = FIELDS[names[-1]]
    return sorted(info.alias or name for name, info in model.model_fields.items())


def _words(detail: ErrorDetails, path: Path) -> tuple[str, str]:
    kind, context, value = detail["type"], detail.get("ctx", {}), detail.get("input")
    name = str(next((part for part in reversed(path) if isinstance(part, str)), ""))
    if kind == "extra_forbidden" and path[:1] == ("identities",) and name in GRANTS:
        return f"{name} granted to a person directly", "put it into a job under `jobs:`, and give the person that job"
    table: dict[str, tuple[str, str]] = {
        "missing": (f"{name} is missing", f"add `{name}:`"),
        "extra_forbidden": (f"{shown(name)} is no name here", did_you_mean(name, _fields(path))),
        "too_short": (f"{name} is empty", "give at least one"),
        "int_type": (f"{shown(value)} is no whole number", "write a number without quotes"),
        "int_parsing": (f"{shown(value)} is no whole number", "write a number without quotes"),
        "bool_type": (f"{shown(value)} is neither true nor false", "write true or false"),
        "string_type": (f"{shown(value)} is no text", "write text; put quotes around a number or a date"),
        "date_type": (f"{shown(value)} is no day", "write YYYY-MM-DD"),
        "tuple_type": (f"{shown(value)} is no list", "write a list: [one, two]"),
        "dict_type": (f"{shown(value)} is no mapping", "write `name: value` lines below it"),
        "model_type": (f"{shown(value)} is no mapping", "write `name: value` lines below it"),
    }
    if kind in table:
        return table[kind]
    return _bounded(kind, context, value, name)


def _bounded(kind: str, context: dict[str, Any], value: object, name: str) -> tuple[str, str]:
    if kind in {"greater_than_equal", "less_than_equal"}:
        side, bound = ("at least", context["ge"]) if "ge" in context else ("at most", context.get("le"))
        return f"{name} {shown(value)} is out of range", f"it is {side} {bound}"
    if kind in {"string_pattern_mismatch", "string_too_short", "string_too_long"}:
        return _text(kind, context, value, name)
    if kind in {"enum", "literal_error"}:
        return f"{shown(value)} is not known here", f"use one of {context.get('expected', '')}"
    if kind.startswith("ip_v"):
        return f"{shown(value)} is no network or address: {_cause(kind)}", "write it like 10.0.1.0/24 or 10.0.1.7"
    if kind.startswith("date"):
        return f"{shown(value)} is no day", "write YYYY-MM-DD"
    return f"{shown(value)} does not fit here ({kind.replace('_', ' ')})", "see inventories/example for the form"


def _text(kind: str, context: dict[str, Any], value: object, name: str) -> tuple[str, str]:
    if kind != "string_pattern_mismatch":
        return f"{name} is empty or too long", f"write 1 to {context.get('max_length', 400)} characters"
    if str(context.get("pattern", "")).startswith("^[a-zA-Z]"):
        return f"{shown(value)} is no bridge", "write docker0, or docker0:tcp/8080 for a published port"
    if str(context.get("pattern", "")).startswith("^[a-z][a-z0-9_-]"):
        return f"{shown(value)} cannot be a name", ID_RULE
    if str(context.get("pattern", "")).startswith("^([01]"):
        return f"{shown(value)} is no time of day", "write it in quotes, as '02:00' or '23:30'"
    if str(context.get("pattern", "")).startswith("^[a-z0-9]"):
        return f"{shown(value)} is no name of one host", "write it like hr.example.com: no wildcard, no capital"
    return f"{shown(value)} has control characters or line ends", "remove them"


def _cause(kind: str) -> str:
    return "it is malformed, or has bits set beyond its prefix" if "network" in kind else "it is malformed"
