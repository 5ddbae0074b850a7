"""The site log as a file: its lines, its last checkpoint, and how far the second place has it."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from haechi.evidence import EvidenceError, checkpoint, files
from haechi.evidence.chain import RUN
from haechi.evidence.checkpoint import Checkpoint


def day(run: str) -> date | None:
    """Return the day (UTC) a run began, from its name; None for a name that is no run's."""
    found = RUN.fullmatch(run)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def split(data: bytes) -> list[bytes]:
    """Return the lines with their line feeds; only a line feed ends one."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]] + ([rest] if (rest := data.rsplit(b"\n", 1)[-1]) else [])


def lines(path: Path) -> list[bytes]:
    """Return the lines of a log that may not be there yet. Raises ``EvidenceError``."""
    return split(files.read(path)) if path.exists() else []


def last(path: Path, key: Ed25519PublicKey) -> Checkpoint | None:
    """Return the checkpoint that the next one follows; call it under the log's lock.

    What a crash left of a line is taken away: its run was never called closed. Raises ``EvidenceError`` for a log whose
    end nobody can follow.
    """
    found = lines(path)
    if found and not found[-1].endswith(b"\n"):
        whole = checkpoint.trusted(found[-1], key)
        _mend(path, found[-1], whole=whole is not None)
        found = lines(path)
    if not found:
        return None
    newest = checkpoint.trusted(found[-1], key)
    if newest is None:
        raise EvidenceError(
            f"{path}: line {len(found)} is no checkpoint of this site's key: run `haechi evidence verify`, restore the "
            "log from backup or from the second place, and run again"
        )
    return newest


def copied(path: Path, place: str | None = None) -> int:
    """Return up to which checkpoint the second place has the log; of a named place: another one has nothing yet."""
    try:
        mark = json.loads(path.read_bytes())
        return int(mark["number"]) if place in {None, mark["place"]} else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _mend(path: Path, torn: bytes, *, whole: bool) -> None:
    try:
        if whole:
            files.append(path, b"\n")
        else:
            os.truncate(path, path.stat().st_size - len(torn))
    except OSError as error:
        raise files.told(path, error) from error
