"""What each host must become, on the way from the one process that judged to the processes of the hosts.

Ansible copies a host's facts for every task, so a fact that holds the whole fleet, on every host of it, makes a run
grow with the square of the fleet. Here a host's process reads one file, its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = "haechi-desired"


class HandoutError(Exception):
    """There is no document for a host; the text says how to mend it."""


def keep(place: Path, documents: Mapping[str, Mapping[str, Any]]) -> None:
    """Write one file a host below ``place``, a folder of this run alone; what an earlier play wrote goes."""
    folder = place / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    for host, document in documents.items():
        (folder / f"{host}.json").write_text(json.dumps(document), encoding="utf-8")


def part(place: Path, host: str) -> dict[str, Any]:
    """Return the document of a host.

    Raises ``HandoutError`` where policy was not judged for documents, or does not manage the host.
    """
    path = place / FOLDER / f"{host}.json"
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise HandoutError(
            f"there is no part for {host}: policy does not manage it, or no task haechi.guard.policy with documents ran"
        ) from error
    return document
