"""The host's half of ``haechi.guard.recorder``: look, make, prove."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.pki.x509 import X509Error
from ansible_collections.haechi.guard.plugins.module_utils.recorder import apply


def perform(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Make what ``desired`` says with what the authority ``signed``, or return what it must sign and bring first."""
    now = datetime.now(timezone.utc)  # noqa: UP017 - Python 3.11 on hosts
    try:
        return apply.ensure(asked["desired"], asked["signed"], now, check=check)
    except (apply.RecorderError, X509Error, OSError, KeyError, subprocess.SubprocessError) as error:
        return {"failed": True, "msg": f"recorder: {error}"}
