"""A configuration on trial: laid out beside the one that serves, and shown to the programs that would read it."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import tree

# The first makes the folders that a start makes; nginx binds its sockets also when it only tests.
TESTS = (
    ("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/haechi-edge.conf"),
    ("haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg"),
    ("nginx", "-t", "-q", "-c", "/etc/nginx/nginx.conf"),
    ("keepalived", "--config-test", "--log-console", "--use-file", "/etc/keepalived/keepalived.conf"),
)
# keepalived 2.2.7 ends its own test by a signal where there is a script, and says nothing if all is well (issue 2587).
ENDED = -signal.SIGTERM


class RefusedError(Exception):
    """A program does not take the configuration; the text is its own."""


def judge(rows: Iterable[dict[str, Any]], tests: Iterable[tuple[str, ...]] = TESTS, folder: str = "/run") -> None:
    """Have each program read its file from another place.

    Raises ``RefusedError``; what serves has seen nothing of it.
    """
    rows = [*rows]
    with tempfile.TemporaryDirectory(dir=folder, prefix="haechi-edge-") as place:
        places = {str(row["path"]): f"{place}{row['path']}" for row in rows}
        for file in tree.wanted({**row, "path": places[row["path"]], "content": moved(row, places)} for row in rows):
            Path(file.path).parent.mkdir(parents=True, exist_ok=True)
            tree.put(file.path, file)
        for argv in tests:
            command = [places.get(word, word) for word in argv]
            done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
            said = f"{done.stdout}{done.stderr}".replace(place, "").strip()
            if done.returncode and (said or done.returncode != ENDED):
                raise RefusedError(f"{argv[0]} refuses it, and what was there goes on: {said[-600:]}")


def moved(row: dict[str, Any], places: dict[str, str]) -> str:
    """Return a file's text with the paths of its companions as they are in the other place."""
    text = str(row["content"])
    for path, there in places.items():
        text = text.replace(path, there)
    return text
