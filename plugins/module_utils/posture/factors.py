"""Second factors on the host: whose seeds lie here and how safely, until when one may lack, who may use the console.

No seed leaves the host: of its file only the mode, the owner and the options are told.
"""

from __future__ import annotations

import pwd
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import Question, Reader

SEEDS = Path("/var/lib/haechi/mfa")
WINDOW = Path("/etc/haechi/mfa-window")
CONSOLE = Path("/etc/security/haechi-console.conf")


def factors(_: Question) -> Reader:
    """Return what stands on the host; what is not there is empty, and lets nobody in."""

    def seen() -> dict[str, Any]:
        paths = sorted(path for path in SEEDS.iterdir() if path.is_file()) if SEEDS.is_dir() else []
        return {
            "seeds": [seed(path) for path in paths],
            "window": window(_text(WINDOW)),
            "console": [line for line in _lines(_text(CONSOLE)) if line],
        }

    return seen


def seed(path: Path) -> dict[str, Any]:
    """Return what may be told of one seed's file: ``once`` is that a used code is out, ``spare`` counts spare codes."""
    status = path.stat()
    # The first line is the seed; options begin with a quotation mark, and a number alone is a spare code that counts
    # without a clock (FILEFORMAT of libpam-google-authenticator).
    options = path.read_text().splitlines()[1:]
    return {
        "account": path.name,
        "mode": f"{status.st_mode & 0o7777:04o}",
        "owner": _name(status.st_uid),
        "once": any(line.startswith('" DISALLOW_REUSE') for line in options),
        "narrow": '" WINDOW_SIZE 1' in options,
        "spare": sum(1 for line in options if line.strip().isdigit()),
    }


def window(text: str) -> dict[str, int]:
    """Return who may lack a factor, up to which second since 1970; a line that is none is for nobody."""
    rows = [line.split() for line in _lines(text)]
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}


def _lines(text: str) -> list[str]:
    return [line.partition("#")[0].strip() for line in text.splitlines()]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
