"""What one host must make of a grant: pure. The host adds digests, its clock, and what is left of the window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haechi.desired.accounts import DEFAULTS, sudo_command

# `sudo -i` and `sudo -s` run root's shell by its path in passwd; Debian has it below both.
ROOT_SHELL = ("/bin/bash", "/usr/bin/bash")


def build(row: Mapping[str, Any], *, nopasswd: bool, withdrawn: bool = False) -> dict[str, Any]:
    """Return the options of the guarded change for a row of ``haechi.grant.ledger.row``; JSON-able."""
    wanted = ROOT_SHELL if row["root_shell"] else row["commands"]
    commands = [{"path": text.split()[0], "text": sudo_command(text)} for text in wanted]
    free = row["children"] or row["root_shell"]
    kept = ("id", "person", "from", "until", "root_shell", "children", "request", "approvers")
    return {
        "schema": 1,
        **{name: row[name] for name in kept},
        "commands": commands,
        "defaults": [DEFAULTS.format(row["person"])],
        "tags": ("NOPASSWD: " if nopasswd else "") + ("" if free else "NOEXEC: "),
        "withdrawn": withdrawn,
    }
