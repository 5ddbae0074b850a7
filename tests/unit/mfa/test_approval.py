"""An approval counts once, whoever asks at the same moment and whatever breaks off."""

from __future__ import annotations

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from haechi.evidence import EvidenceError
from haechi.mfa import EnrolError, approval

# Their SHA-256, by sha256sum(1).
ONE = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
TWO = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"


def test_each_approval_is_noted_once(tmp_path: Path) -> None:
    """By the digest of its text, in their order."""
    approval.spend(tmp_path, b"one")
    approval.spend(tmp_path, b"two")

    with pytest.raises(EnrolError, match="the approval does not count: it was used already: each counts once"):
        approval.spend(tmp_path, b"one")
    assert (tmp_path / "enrol-approvals").read_text() == f"{ONE}\n{TWO}\n"


def test_of_enrolments_at_once_one_gets_it(tmp_path: Path) -> None:
    """Each has checked it before, and found it unused."""

    def spent(_number: int) -> bool:
        try:
            approval.spend(tmp_path, b"one")
        except EnrolError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(spent, range(8))) == 1


def test_what_a_crash_left_of_a_line_hides_no_later_one(tmp_path: Path) -> None:
    """A torn line has no line feed."""
    (tmp_path / "enrol-approvals").write_text(ONE[:20])
    approval.spend(tmp_path, b"two")

    with pytest.raises(EnrolError, match="used already"):
        approval.spend(tmp_path, b"two")


def test_a_use_outlives_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Note and name are on the disk before anything is delivered (fsync(2))."""
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(stat.S_ISDIR(os.fstat(handle).st_mode)))
    approval.spend(tmp_path, b"one")

    assert synced == [False, True]


def test_a_use_that_cannot_be_noted_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk: what was noted before stays."""
    approval.spend(tmp_path, b"one")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EvidenceError, match="the disk is full"):
        approval.spend(tmp_path, b"two")
    assert (tmp_path / "enrol-approvals").read_text() == f"{ONE}\n"
