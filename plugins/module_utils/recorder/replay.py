"""Replay a recording: the one command that an auditor's job may run as root. Its argument comes on standard input.

Installed on the log host as it is; standard library alone. sudoreplay(8) does the work and changes nothing.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

KEPT = "/var/log/sudo-io"
# What sudo_logsrvd makes of `%{hostname}`, `%{user}/%{seq}`: nothing that could climb out of the folder.
NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*/[a-z_][a-z0-9_-]*/[0-9A-Z]{2}/[0-9A-Z]{2}/[0-9A-Z]{2}")
SAFE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb")}


def command(asked: str, *, terminal: bool) -> list[str] | None:
    """Return sudoreplay's command for what was asked: ``list``, or a recording's TSID; None for anything else."""
    if asked == "list":
        return ["/usr/bin/sudoreplay", "-d", KEPT, "-l"]
    if NUMBER.fullmatch(asked) is None:
        return None
    # Without a terminal there is nobody to wait for: everything at once.
    speed = [] if terminal else ["-n", "-m", "0"]
    return ["/usr/bin/sudoreplay", *speed, "-d", KEPT, asked]


def main() -> int:
    """Ask, and replay."""
    terminal = sys.stdin.isatty()
    if terminal:
        sys.stdout.write("list, or TSID of a recording (app1/kim/00/00/01): ")
        sys.stdout.flush()
    asked = sys.stdin.readline(200).strip()
    wanted = command(asked, terminal=terminal)
    if wanted is None:
        sys.stderr.write("replay: say `list`, or a TSID like app1/kim/00/00/01\n")
        return 2
    return subprocess.run(wanted, check=False, env=SAFE).returncode


if __name__ == "__main__":
    sys.exit(main())
