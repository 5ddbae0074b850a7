"""An alarm: one file that stays until its cause is gone, and one line in syslog when it begins.

The file is ``/var/lib/haechi/alarms/<name>.json``: ``{schema: 1, name, at, what}``. Stands alone, so that it can be
installed on a host.
"""

from __future__ import annotations

import contextlib
import json
import os
import syslog
import tempfile
from datetime import datetime, timezone
from pathlib import Path

ALARMS = Path("/var/lib/haechi/alarms")
TAG = "haechi-alarm"


def raise_alarm(name: str, what: str) -> None:
    """Write the alarm down and tell syslog (auth.alert); one that stands with the same words is not told twice."""
    path = ALARMS / f"{name}.json"
    with contextlib.suppress(OSError, ValueError):
        if json.loads(path.read_text(encoding="utf-8")).get("what") == what:
            return
    syslog.openlog(TAG, 0, syslog.LOG_AUTH)
    syslog.syslog(syslog.LOG_ALERT, f"{name}: {what}")
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")  # noqa: UP017 - Python 3.11 on hosts
    text = json.dumps({"schema": 1, "name": name, "at": now, "what": what}, ensure_ascii=False)
    ALARMS.mkdir(mode=0o755, parents=True, exist_ok=True)
    handle, made = tempfile.mkstemp(dir=ALARMS, prefix=f".{name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(handle)
    Path(made).replace(path)


def clear(name: str) -> None:
    """Take an alarm away, whether it stands or not."""
    (ALARMS / f"{name}.json").unlink(missing_ok=True)
