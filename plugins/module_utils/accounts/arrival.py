"""Where the login came from in which this program runs: a change must not shut the door that it came in by."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts import read
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import AccountError

_FROM = re.compile(r'from="([^"]*)"')
_CLIENT = re.compile(rb"(?:^|\0)SSH_CONNECTION=([0-9a-fA-F:.]+) ")


def source() -> str | None:
    """Return the client's address, from the first ancestor that sshd told it to: sudo(8) does not hand it on."""
    pid = os.getppid()
    while pid > 1:
        try:
            found = _CLIENT.search(Path(f"/proc/{pid}/environ").read_bytes())
        except OSError:
            return None
        if found:
            return found[1].decode()
        pid = read.parent(pid)
    return None


def check(accounts: Iterable[Mapping[str, Any]], came_from: str | None) -> None:
    """Refuse keys of the automation that would not count from where this run came in.

    Raises ``AccountError``.
    """
    for row in accounts:
        named = {address for key in row["keys"] for found in _FROM.findall(key) for address in found.split(",")}
        if row["kind"] == "automation" and named and came_from and came_from not in named:
            raise AccountError(
                f"this run comes from {came_from}, and policy lets {row['id']} in from {', '.join(sorted(named))}:"
                " correct site.control_node or site.bastion; nothing was changed"
            )
