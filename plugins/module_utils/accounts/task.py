"""The host's half of ``haechi.guard.accounts``: look, plan, apply, report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts import (
    apply,
    arrival,
    change,
    dormant,
    first,
    logins,
    plan,
    read,
    report,
    state,
)
from ansible_collections.haechi.guard.plugins.module_utils.guard import files
from ansible_collections.haechi.guard.plugins.module_utils.pull import install


def perform(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Make the accounts what ``desired`` says; with ``check`` only plan. What the module returns is in its RETURN."""
    try:
        arrival.check(asked["desired"]["accounts"], arrival.source())
        current = read.current()
        current = replace(current, logins=logins.of(current.accounts.values()))
        away = dormant.dormant(current, asked["desired"])
        desired = dormant.shut(asked["desired"], away)
        later = asked.get("gains") == "later" and not check
        changes, waiting = _now(current, desired) if later else (plan.plan(current, desired), False)
        found = report.report(current, desired)
        ended = {} if check else apply.apply(changes)
        if not check:
            install.confirm(desired.get("pull", {}))
    except (change.AccountError, OSError) as error:
        return {"failed": True, "msg": str(error)}
    shown = {name: {"killed": len(row.killed), "remaining": len(row.remaining)} for name, row in ended.items()}
    rules = [*report.sudoers(desired), *report.sudoers_to_remove(found, desired)]
    told = {"report": found, "ended": shown, "sudoers": [row for row in rules if files.differs(row)]}
    # Where the other half comes it tells the same.
    warnings = [] if waiting else [*report.remarks(found), *dormant.remarks(away, current.today)]
    return {**told, "dormant": sorted(away), "waiting": waiting, "warnings": warnings, **change.render(changes)}


def _now(current: state.Current, desired: Mapping[str, Any]) -> tuple[tuple[change.Change, ...], bool]:
    """Return what takes away, and whether something waits that gives."""
    taken = plan.plan(current, first.taken(current, desired))
    waiting = any(row not in taken for row in plan.plan(current, desired))
    return (*taken, *first.rules(desired, _sudoers(current))), waiting


def _sudoers(current: state.Current) -> dict[str, str]:
    """Return the texts of the sudoers files that Haechi writes for accounts."""
    ours = [f"{state.SUDOERS_FOLDER}/{name}" for name in current.sudoers if name.startswith("haechi-")]
    return {path: Path(path).read_text(errors="replace") for path in ours}
