"""An alarm: one line in the system's log, at once, and a file that stays until somebody has looked.

Runs as a script on the host too (``python3 -I -S``, standard library only), for timers and PAM to call. The file is
``/var/lib/haechi/alarms/<name>.json`` with schema, name, at (seconds since 1970) and what; the line is auth.alert with
the tag ``haechi-alarm`` (syslog(3)). A posture shows the files.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

ALARMS = Path("/var/lib/haechi/alarms")
SCRIPT = Path("/usr/libexec/haechi/alarm")
TAG = "haechi-alarm"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,79}")


def raise_alarm(name: str, what: str, folder: Path = ALARMS) -> None:
    """Raise an alarm. The log comes first: a full disk keeps the file away, and not the line."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of an alarm")
    text = " ".join(what.split())[:400]
    # A host without the program, or without /dev/log, still has the file; its own failure is no reason to stop.
    subprocess.run(["/usr/bin/logger", "-p", "auth.alert", "-t", TAG, "--", f"{name}: {text}"], check=False, timeout=10)
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    body = {"schema": 1, "name": name, "at": int(time.time()), "what": text}
    temporary = folder / f".{name}.new"
    temporary.write_text(json.dumps(body))
    temporary.chmod(0o644)
    temporary.replace(folder / f"{name}.json")


if __name__ == "__main__":
    raise_alarm(sys.argv[1], " ".join(sys.argv[2:]))
