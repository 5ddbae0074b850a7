"""The host's half of ``haechi.guard.vpn``: look, try, make, prove."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import tree
from ansible_collections.haechi.guard.plugins.module_utils.vpn import apply


def perform(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Make what ``desired`` says."""
    try:
        return apply.ensure(asked["desired"], check=check)
    except (apply.VpnError, tree.TreeError, OSError, KeyError, subprocess.SubprocessError) as error:
        return {"failed": True, "msg": f"vpn: {error}"}
