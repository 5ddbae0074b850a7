"""The signed list that a host holds, and when it was last confirmed. Whether it is well signed says ``pull.document``.

The list itself and the highest number ever seen lie in two files: a list that is damaged or taken away does not make
the host take an older one.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils.baseline import files

FOLDER = "/var/lib/haechi/list"
HELD, SEEN = f"{FOLDER}/list.json", f"{FOLDER}/seen.json"
SCHEMA = 1


def sequence(text: str) -> int:
    """Return the number in a list's text; 0 for what is none."""
    try:
        return int(json.loads(text)["sequence"])
    except (ValueError, KeyError, TypeError):
        return 0


def newer(text: str, than: str) -> bool:
    """Return whether a list takes the place of another."""
    # The same number is no reason to keep another text, as it is for what a server sends (pull.judge): what is held is
    # compared unread here, damaged or altered on the host with its number left, and who comes by the automation's way
    # is believed. A lower number is the state of a backup.
    return text != than and sequence(text) >= sequence(than)


def keep(text: str, now: datetime) -> None:
    """Hold a list from now on, durable on return. Raises ``OSError``."""
    files.write(HELD, text.encode(), mode=0o644, uid=0, gid=0)
    confirm(sequence(text), now)


def confirm(number: int, now: datetime) -> None:
    """Write down that a list was confirmed to be the newest; the highest number stays. Raises ``OSError``."""
    top = max(number, seen()[0])
    row = {"schema": SCHEMA, "sequence": top, "confirmed": now.isoformat(timespec="seconds")}
    files.write(SEEN, (json.dumps(row) + "\n").encode(), mode=0o644, uid=0, gid=0)


def seen() -> tuple[int, datetime | None]:
    """Return the highest number seen and when the list was last confirmed; 0 and none where nobody knows."""
    try:
        row = json.loads(Path(SEEN).read_text())
        return int(row["sequence"]), datetime.fromisoformat(row["confirmed"]).astimezone(timezone.utc)  # noqa: UP017
    except (OSError, ValueError, KeyError, TypeError):
        return 0, None
