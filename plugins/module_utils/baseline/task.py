"""The host's half of ``haechi.guard.hardening``: look, plan, apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import tree
from ansible_collections.haechi.guard.plugins.module_utils.baseline import apply, change, hardening

NO_TREE: dict[str, Any] = {"files": [], "absent": [], "follow_ups": []}


def perform(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Make true what is asked; with ``check`` only plan. The module documents what is asked and returned."""
    result: dict[str, Any] = {}
    try:
        placed = tree.make(asked["tree"] or NO_TREE, check=check)
        planned = hardening.plan(asked)
        result = change.render(planned)
        result |= {"paths": placed["paths"], "ran": placed["ran"], "diff": [*placed["diff"], result["diff"]]}
        result["changed"] = bool(placed["changed"] or result["changed"])
        result["warnings"] = [*change.remarks(planned)]
        if not check:
            apply.apply(planned.changes)
    except (tree.TreeError, apply.ApplyError) as error:
        return {**result, "failed": True, "msg": str(error)}
    return result
