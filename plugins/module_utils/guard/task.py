"""The host's half of a guarded change: one phase of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.guard import change
from ansible_collections.haechi.guard.plugins.module_utils.guard.refusal import RefusedError

ASKED = ("subsystem", "files", "prove", "rollback_after")


def perform(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Carry out the ``phase`` that is asked: begin, keep, put_back or status; with ``check`` say what would change."""
    options = {**asked["options"], **asked["secrets"]}
    owner = f"{asked['owner']} from {change.whose()}"
    whole = change.Asked(**{name: asked[name] for name in ASKED}, options=options, owner=owner, check=check)
    try:
        result = _phase(asked["phase"], whole, asked["token"])
    except (RefusedError, ValueError, KeyError, OSError) as error:
        return {"failed": True, "msg": f"{asked['subsystem']}: {error}"}
    result["warnings"] = [*result.pop("remarks", [])]
    return result


def _phase(phase: str, asked: change.Asked, token: str) -> dict[str, Any]:
    if phase == "begin":
        return change.begin(asked)
    if phase == "keep":
        return change.keep(asked, token)
    if phase == "status":
        return change.status(token)
    return {"changed": False, "msg": change.put_back()}
