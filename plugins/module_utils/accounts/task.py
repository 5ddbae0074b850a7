"""The host's half of ``haechi.guard.accounts``: look, plan, apply, report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts import (
    apply,
    arrival,
    change,
    dormant,
    logins,
    plan,
    read,
    report,
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
        changes = plan.plan(current, desired)
        found = report.report(current, desired)
        ended = {} if check else apply.apply(changes)
        if not check:
            install.confirm(desired.get("pull", {}))
    except (change.AccountError, OSError) as error:
        return {"failed": True, "msg": str(error)}
    shown = {name: {"killed": len(row.killed), "remaining": len(row.remaining)} for name, row in ended.items()}
    rules = [*report.sudoers(desired), *report.sudoers_to_remove(found, desired)]
    told = {"report": found, "ended": shown, "sudoers": [row for row in rules if files.differs(row)]}
    warnings = [*report.remarks(found), *dormant.remarks(away, current.today)]
    return {**told, "dormant": sorted(away), "warnings": warnings, **change.render(changes)}
