"""Alarms of a host: one file for each that stands, and one line to the log that all alarms share.

``/var/lib/haechi/alarms/<name>.json`` is ``{schema, name, at, what}``; the line goes to auth.alert with the tag
``haechi-alarm``. An alarm stands until whoever raised it clears it.
"""

from __future__ import annotations

import json
import syslog
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils.baseline import files

FOLDER = "/var/lib/haechi/alarms"
TAG = "haechi-alarm"
SCHEMA = 1


def raise_alarm(name: str, what: str) -> None:
    """Let an alarm stand; one that stands for the same reason already says nothing again.

    Raises ``OSError`` where it cannot be kept; it is in the log then.
    """
    path = Path(FOLDER) / f"{name}.json"
    if _what(path) == what:
        return
    syslog.openlog(TAG, 0, syslog.LOG_AUTH)
    syslog.syslog(syslog.LOG_ALERT, f"{name}: {what}")
    syslog.closelog()
    at = datetime.now(timezone.utc).isoformat(timespec="seconds")  # noqa: UP017 - Python 3.11 on hosts
    text = json.dumps({"schema": SCHEMA, "name": name, "at": at, "what": what}) + "\n"
    files.write(str(path), text.encode(), mode=0o644, uid=0, gid=0)


def clear(name: str) -> None:
    """Take an alarm down; one that does not stand is none."""
    (Path(FOLDER) / f"{name}.json").unlink(missing_ok=True)


def _what(path: Path) -> object:
    try:
        return json.loads(path.read_text()).get("what")
    except (OSError, ValueError, AttributeError):
        return None
