"""The hosts' half of ``haechi vpn profile``: the authority signs, the gateway takes the seed and gives its key.

Secrets come on standard input and go by standard output, over SSH, and no file of either host but the seed's has them.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.mfa import enrol
from ansible_collections.haechi.guard.plugins.module_utils.pki import people
from ansible_collections.haechi.guard.plugins.module_utils.pki.x509 import X509Error
from ansible_collections.haechi.guard.plugins.module_utils.vpn import units
from ansible_collections.haechi.guard.plugins.module_utils.vpn.apply import FOLDER

SERVER_KEY = f"{FOLDER}/tls-crypt-v2.key"


def perform(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Do one thing of ``look``, ``sign``, ``place``; with ``check`` none but the first."""
    verbs = {"look": _look, "sign": _sign, "place": _place}
    try:
        return _look(asked) if check else verbs[str(asked["do"])](asked)
    except (people.PeopleError, X509Error, OSError, KeyError, ValueError, subprocess.SubprocessError) as error:
        return {"failed": str(error)}


def _look(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Tell whether a person has a seed here."""
    return enrol.answer({**asked, "do": "look"}, Path(units.SEEDS))


def _sign(asked: Mapping[str, Any]) -> dict[str, Any]:
    now = datetime.now(timezone.utc)  # noqa: UP017 - Python 3.11 on hosts
    return {**people.issue(people.FOLDER, asked, now)}


def _place(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Take the seed; return the client's half of the key that hides the handshake (openvpn(8), --tls-crypt-v2)."""
    told = enrol.answer({**asked, "do": "place"}, Path(units.SEEDS))
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "client")
        command = ["openvpn", "--tls-crypt-v2", SERVER_KEY, "--genkey", "tls-crypt-v2-client", str(made)]
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        return {**told, "key": made.read_text(encoding="ascii")}
