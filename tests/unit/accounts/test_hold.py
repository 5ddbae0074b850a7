"""What is removed from a host stays removed, and nothing else goes with it: on files of the test's own."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.accounts import apply, hold
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import Act, Change, End, Remove, StripKeys
from ansible_collections.haechi.guard.plugins.module_utils.accounts.end import Ended
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import fingerprint

from .conftest import ANN, BOB

ANNS = frozenset({fingerprint(ANN) or ""})


@pytest.fixture(name="told")
def what_the_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the folders that were brought to the disk, as they are."""
    told: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            folder = Path(f"/proc/self/fd/{handle}").readlink()
            told.append(f"{folder.name}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
        real(handle)

    monkeypatch.setattr(hold.os, "fsync", fsync)
    return told


def test_a_denial_outlives_a_power_cut(tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each folder is on the disk once its files are gone, once for all of them, before anybody is ended."""
    paths = [
        tmp_path / "keys/ann",
        tmp_path / "rules/ann",
        tmp_path / "rules/ann-more",
        tmp_path / ".ssh/authorized_keys",
    ]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{ANN}\n{BOB}\n")

    def end(*_: object) -> Ended:
        told.append("ended")
        return Ended()

    monkeypatch.setattr(apply.end, "end", end)
    acts: tuple[Act, ...] = (
        *(Remove(str(path)) for path in paths[:3]),
        StripKeys(str(paths[3]), ANNS),
        End("ann", 1001),
    )

    apply.apply((Change("ann", "access", "open", "denied", acts),))

    assert told == ["keys: ", "rules: ", ".ssh: authorized_keys", "ended"]
    assert paths[3].read_text() == f"{BOB}\n"


def test_what_is_gone_already_needs_no_disk(tmp_path: Path, told: list[str]) -> None:
    """A folder that went with its file is no fault."""
    path = str(tmp_path / "gone/ann")

    apply.apply((Change("ann", "access", "open", "denied", (Remove(path),)),))

    assert told == []
