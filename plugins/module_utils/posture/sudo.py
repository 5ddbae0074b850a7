"""sudo's rules, read by sudo's own tools."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import re
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import Question, Reader, ask, names, octal, read

MAIN = "/etc/sudoers"
_INCLUDE = re.compile(r"(?m)^[@#]include(dir)?\s+(\S+)")


def sudo(_: Question) -> Reader:
    """Return the files of sudo's policy and the rules in them, aliases replaced by what they stand for."""
    check, rules = ask("visudo", "-c"), ask("cvtsudoers", "-e", "-f", "json", MAIN)

    def seen() -> dict[str, Any]:
        valid = check.texts()[0] == 0
        specs = rules.json().get("User_Specs", []) if rules.texts()[0] == 0 else []
        return {
            "valid": valid and rules.texts()[0] == 0,
            "files": [_file(path) for path in files(MAIN)],
            "rules": specs,
        }

    return seen


def files(path: str) -> list[str]:
    """Return a file and all that it includes; in a folder sudo skips names with a dot or a tilde at the end."""
    found, waiting = [], [path]
    while waiting:
        one = waiting.pop(0)
        if one in found:
            continue
        found.append(one)
        for folder, name in _INCLUDE.findall(read(one)):
            target = os.path.join(os.path.dirname(one), name)  # noqa: PTH118, PTH120 - pathlib costs a start 20 ms
            inside = [f"{target}/{entry}" for entry in names(target) if "." not in entry and not entry.endswith("~")]
            waiting += inside if folder else [target] * os.path.exists(target)  # noqa: PTH110
    return found


def _file(path: str) -> dict[str, str]:
    status = os.stat(path)  # noqa: PTH116
    owner = str(status.st_uid)
    with contextlib.suppress(KeyError):
        owner = pwd.getpwuid(status.st_uid).pw_name
    digest = hashlib.sha256(read(path).encode("utf-8", "surrogateescape")).hexdigest()
    return {"path": path, "sha256": digest, "mode": octal(status.st_mode), "owner": owner}
