"""What is removed from a host stays removed, and nothing else goes with it: on files of the test's own."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.accounts import (
    apply,
    hold,
    leave,
    plan,
    read,
    report,
    revoke,
    state,
)
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import (
    AccountError,
    Act,
    Change,
    End,
    Remove,
    StripKeys,
)
from ansible_collections.haechi.guard.plugins.module_utils.accounts.end import Ended
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import KeyFile, fingerprint

from .conftest import ANN, BOB, account, central, desired, host, wanted

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


def padded(folder: Path, size: int) -> Path:
    """Return a key file of a size with Ann's key at its begin and Bob's at its end."""
    path = folder / ".ssh/authorized_keys"
    path.parent.mkdir()
    rest = size - len(f"{ANN}\n{BOB}\n")
    path.write_text(f"{ANN}\n" + ("#" * 63 + "\n") * (rest // 64) + "#" * (rest % 64 - 1) + "\n" + f"{BOB}\n")
    assert path.stat().st_size == size
    return path


def test_a_file_of_the_largest_size_loses_one_line(tmp_path: Path) -> None:
    """A mebibyte, which is all of it."""
    path = padded(tmp_path, 1048576)
    text = path.read_text()

    hold.strip(str(path), ANNS)

    assert path.read_text() == text.removeprefix(f"{ANN}\n")


def test_a_file_that_is_too_large_loses_nothing(tmp_path: Path) -> None:
    """It is named, with what to do; what is behind the first mebibyte is somebody's too."""
    path = padded(tmp_path, 1048577)
    text = path.read_text()

    with pytest.raises(AccountError, match=rf"^{re.escape(str(path))} is larger than 1 MiB, .* by hand$"):
        hold.strip(str(path), ANNS)

    assert path.read_text() == text
    assert [file.name for file in path.parent.iterdir()] == ["authorized_keys"]


def test_a_file_that_is_gone_is_stripped(tmp_path: Path) -> None:
    """Somebody else removed it in the meantime."""
    hold.strip(str(tmp_path / "authorized_keys"), ANNS)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("size", "whole"), [(1048576, True), (1048577, False)])
def test_what_was_not_read_to_its_end_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, *, whole: bool
) -> None:
    """Of files in homes and of the central ones."""
    path = padded(tmp_path, size)
    monkeypatch.setattr(read, "CRONTABS", str(tmp_path / "none"))
    monkeypatch.setattr(state, "KEYS_FOLDER", str(path.parent))
    monkeypatch.setattr(read, "_home", lambda row: row)
    found = [*read._central_keys(), *read._home_keys({"ann": account("ann", home=str(tmp_path))})]

    assert [(file.path, file.whole, len(file.text)) for file in found] == [(str(path), whole, 1048576)] * 2


BIG = KeyFile("/home/bob/.ssh/authorized_keys", "bob", f"{BOB}\n", safe=False, whole=False)


def test_nobody_is_out_while_a_file_is_not_judged() -> None:
    """Ann's key may be behind what was read of Bob's file: it is tried, told, and never called shut."""
    shut = {"hash_kind": "locked", "expires": 1, "groups": frozenset(), "shell": "/usr/sbin/nologin"}
    gone = account("ann", **shut)
    now = host(gone, account("bob", uid=1002), key_files=(BIG,))
    prints = tuple(ANNS)

    assert leave.doors(now, "ann", prints).describe() == [
        "perhaps a key in /home/bob/.ssh/authorized_keys, too large to be judged"
    ]
    assert StripKeys("/home/bob/.ssh/authorized_keys", ANNS) in leave.plan(now, "ann", prints)[0].acts
    said = revoke.judge(now, "ann", prints, {}, {})
    assert (said["denied"], said["verified"]) == (False, False)


def test_ones_own_file_goes_whatever_its_size() -> None:
    """Nobody needs to know what is in it."""
    now = host(account("bob", uid=1002), key_files=(BIG,))

    assert leave.doors(now, "bob", ()).files == ("/home/bob/.ssh/authorized_keys",)
    assert leave.doors(now, "bob", ()).unread_keys == ()


def test_a_file_that_is_not_judged_is_reported_and_where_policy_says_so_removed() -> None:
    """Even one whose beginning holds nothing that policy does not know."""
    now = host(account("bob"), key_files=(central("bob", BOB), BIG))
    found = report.report(now, desired(wanted("bob", keys=[BOB])))

    assert found["unread_keys"] == [{"file": "/home/bob/.ssh/authorized_keys", "account": "bob"}]
    said = "key files that are too large to be judged, shorten or remove them by hand: /home/bob/.ssh/authorized_keys"
    assert f"{said} (bob)" in report.remarks(found)
    assert plan.plan(now, desired(wanted("bob", keys=[BOB]))) == ()
    (change,) = plan.plan(now, desired(wanted("bob", keys=[BOB]), unknown="remove"))
    assert change.acts == (Remove("/home/bob/.ssh/authorized_keys"),)


def test_a_central_file_with_more_than_was_read_is_written_anew() -> None:
    """Its beginning is what policy wants, and keys may be behind it."""
    file = central("bob", BOB)
    now = host(account("bob"), key_files=(KeyFile(file.path, "bob", file.text, whole=False),))

    (change,) = plan.plan(now, desired(wanted("bob", keys=[BOB])))
    assert (change.account, change.what) == ("bob", "keys")
