"""Signing for whoever came in as the automation: one request on one line, one answer on one line.

The request is ``{"folder": path, "order": {person, key, principals, minutes, source}, "nonce": str}``, the answer
``{"certificate": line}`` or ``{"failed": reason}``, each with the nonce.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils.pki import authority
from ansible_collections.haechi.guard.plugins.module_utils.pki.certificate import CertificateError


def run(text: str, say: Callable[[str], object]) -> None:
    """Carry a request out and say the answer."""
    request = json.loads(text)
    try:
        now = datetime.now(timezone.utc)  # noqa: UP017 - Python 3.11 on hosts
        told = {"certificate": authority.issue(Path(request["folder"]), request["order"], now)[0]}
    except (CertificateError, OSError, KeyError, ValueError) as error:
        told = {"failed": str(error)}
    say(json.dumps({**told, "nonce": request["nonce"]}))
