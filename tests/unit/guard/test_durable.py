"""What is said to be on the disk is there by its name too: a power cut soon after takes nothing back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils import tree
from ansible_collections.haechi.guard.plugins.module_utils.grants import ending
from ansible_collections.haechi.guard.plugins.module_utils.pki import x509


@pytest.mark.parametrize(
    ("act", "left"),
    [
        (lambda path: tree.put(str(path), None), []),
        (lambda path: ending.write(path, {"schema": 1}), ["one"]),
        (lambda path: x509.append(path, "{}"), ["one"]),
    ],
    ids=["a file that is removed", "a grant's record", "the register of certificates"],
)
def test_a_name_is_on_the_disk_with_its_folder(
    act: Callable[[Path], None], left: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is synced last, as it then is (fsync(2))."""
    path, told, real = tmp_path / "one", [], os.fsync
    if not left:
        path.write_text("x")

    def fsync(handle: int) -> None:
        seen = Path(f"/proc/self/fd/{handle}").readlink()
        told.append(sorted(file.name for file in seen.iterdir()) if seen.is_dir() else seen.name)
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    act(path)

    assert told[-1] == left
