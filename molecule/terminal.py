"""A person at a terminal who scans a seed and types its code."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from haechi.mfa import code


def enrolled(argv: Sequence[str], folder: Path, *, wrong: bool = False) -> tuple[int, str, str]:
    """Run a command that shows a seed; return its exit code, its words and the seed."""
    leader, follower = pty.openpty()
    process = subprocess.Popen([*argv], cwd=folder, stdin=follower, stdout=follower, stderr=follower, close_fds=True)
    os.close(follower)
    said, seed, answered, until = "", "", 0, time.monotonic() + 120
    while time.monotonic() < until:
        if select.select([leader], [], [], 0.2)[0]:
            try:
                said += os.read(leader, 65536).decode(errors="replace")
            except OSError:
                break
        found = re.search(r"into the app: ([A-Z2-7 ]+)\r", said)
        seed = found[1].replace(" ", "") if found else ""
        if seed and said.count("code: ") > answered:
            answered += 1
            answer = code.at(seed, time.time() - 3600) if wrong else code.at(seed, time.time())
            os.write(leader, f"{answer}\n".encode())
    os.close(leader)
    return process.wait(10), said, seed
