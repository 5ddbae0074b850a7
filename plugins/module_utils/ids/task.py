"""The host's half of ``haechi.guard.ids``: look, try, make, prove."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import tree
from ansible_collections.haechi.guard.plugins.module_utils.guard.refusal import RefusedError as Guarded
from ansible_collections.haechi.guard.plugins.module_utils.ids import apply, queues, trial

_TROUBLE = (apply.IdsError, trial.RefusedError, queues.QueueError, tree.TreeError, Guarded)


def perform(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Make what ``desired`` says, or return what must come first: ``lacking`` packages, or the rules (``wanted``)."""
    try:
        return apply.ensure(asked, check=check)
    except (*_TROUBLE, OSError, KeyError, ValueError, subprocess.SubprocessError) as error:
        return {"failed": True, "msg": f"ids: {error}"}
