"""An alarm: one line in the system's log when it begins, and one file that stays until its cause is gone.

The file is ``/var/lib/haechi/alarms/<name>.json`` with schema, name, at (RFC 3339), what; the line is auth.alert with
the tag ``haechi-alarm`` (syslog(3)). Stands alone (standard library only), so that it can be installed on a host as a
script, or as a part of one, for timers and PAM to call. A posture shows the files.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import syslog
import tempfile
from datetime import datetime, timezone
from pathlib import Path

ALARMS = Path("/var/lib/haechi/alarms")
SCRIPT = Path("/usr/libexec/haechi/alarm")
TAG = "haechi-alarm"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,79}")


def raise_alarm(name: str, what: str) -> None:
    """Tell syslog, then write the alarm down; one that stands with the same words is not told twice.

    The log comes first: a full disk keeps the file away, and not the line. Raises ``ValueError`` for a name that is
    none, ``OSError`` where the file cannot be kept.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of an alarm")
    path, text = ALARMS / f"{name}.json", " ".join(what.split())[:400]
    with contextlib.suppress(OSError, ValueError):
        if json.loads(path.read_text(encoding="utf-8")).get("what") == text:
            return
    syslog.openlog(TAG, 0, syslog.LOG_AUTH)
    syslog.syslog(syslog.LOG_ALERT, f"{name}: {text}")
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")  # noqa: UP017 - Python 3.11 on hosts
    body = json.dumps({"schema": 1, "name": name, "at": now, "what": text}, ensure_ascii=False)
    ALARMS.mkdir(mode=0o755, parents=True, exist_ok=True)
    handle, made = tempfile.mkstemp(dir=ALARMS, prefix=f".{name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{body}\n")
            file.flush()
            os.fsync(handle)
        Path(made).chmod(0o644)
        Path(made).replace(path)
    except OSError:
        # It is raised again every few minutes: what a full disk left would be another file each time.
        Path(made).unlink(missing_ok=True)
        raise


def clear(name: str) -> None:
    """Take an alarm away, whether it stands or not."""
    (ALARMS / f"{name}.json").unlink(missing_ok=True)


if __name__ == "__main__":
    raise_alarm(sys.argv[1], " ".join(sys.argv[2:]))
