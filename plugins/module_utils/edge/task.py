"""The host's half of ``haechi.guard.edge``: look, try, swap, prove."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import tree
from ansible_collections.haechi.guard.plugins.module_utils.edge import apply, candidate


def perform(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Make what ``desired`` and the rendered ``texts`` say, or return what packages must come first."""
    try:
        return apply.ensure(asked["desired"], asked["texts"], check=check)
    except (apply.EdgeError, candidate.RefusedError, tree.TreeError, OSError, LookupError) as error:
        return {"failed": True, "msg": f"edge: {error}"}
