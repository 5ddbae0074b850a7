"""Whom this host denied, and which of their keys let them in until then.

Either it did so by itself, because the signed list named them, or a controller came whose own record may be lost.
Whoever comes to deny them later finds their keys refused; that they once opened this door only the host can say.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts import state
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Current
from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.pki.held import FOLDER

FILE = f"{FOLDER}/denied.json"


def keys(current: Current, who: str) -> tuple[str, ...]:
    """Return the fingerprints of the keys that open an account now; none for one that is shut."""
    account = current.accounts.get(who)
    if account is None or account.expired(current.today):
        return ()
    own = (file for file in current.key_files if file.path == f"{state.KEYS_FOLDER}/{who}" and file.safe)
    return tuple(found for file in own for found in state.fingerprints(file.text.splitlines()))


def note(gone: Mapping[str, Sequence[str]], sequence: int | None, now: datetime) -> None:
    """Keep who was denied under which list, None where a controller did it; durable on return. Raises ``OSError``."""
    at = now.isoformat(timespec="seconds")
    rows = {who: {"list": sequence, "at": at, "keys": [*prints]} for who, prints in gone.items()}
    files.make_folder(Path(FILE).parent)
    with _alone():
        text = json.dumps({**_kept(), **rows}, sort_keys=True)
        files.write(FILE, f"{text}\n".encode(), mode=0o600, uid=0, gid=0)


def told(people: Iterable[str]) -> dict[str, Any]:
    """Return what was kept about people; nothing of those who had no open door."""
    kept = _kept()
    return {who: kept[who] for who in people if who in kept}


def _kept() -> dict[str, Any]:
    try:
        rows = json.loads(Path(FILE).read_text())
    except (OSError, ValueError):
        return {}
    return rows if isinstance(rows, dict) else {}


@contextmanager
def _alone() -> Iterator[None]:
    """Let nobody else write meanwhile: several people may be denied at once."""
    handle = os.open(f"{FILE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
