"""The host's half of ``haechi.guard.firmware``: make fwupd what policy says, or have it install."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.firmware import apply, install, manager


def perform(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Do the step that is asked for."""
    step = install.perform if asked["step"] == "install" else apply.ensure
    try:
        return step(asked, check=check)
    except (manager.FirmwareError, OSError, KeyError, ValueError, subprocess.SubprocessError) as error:
        return {"failed": True, "msg": f"firmware: {error}"}
