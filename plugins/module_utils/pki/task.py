"""The host's half of ``haechi.guard.authority``: look, make what is missing, sign what is due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.pki import authority
from ansible_collections.haechi.guard.plugins.module_utils.pki.certificate import CertificateError


def perform(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Make the authority that ``desired`` says; with ``check`` say what would be made."""
    desired = asked["desired"]
    try:
        return authority.ensure(desired, datetime.now(timezone.utc), check=check)  # noqa: UP017 - Python 3.11 on hosts
    except (CertificateError, OSError, ValueError) as error:
        return {"failed": True, "msg": f"{desired['folder']}: {error}"}
