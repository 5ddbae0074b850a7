"""What the walk and the list of modes tell of a tree."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.posture import files
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import NotSeenError, Question


@pytest.fixture(name="tree")
def small_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty tree that is all there is, and in which whoever runs the test is root."""
    monkeypatch.setattr(files.filesystems, "roots", lambda _: (str(tmp_path), str(tmp_path)))
    monkeypatch.setattr(files.baseline_walk, "device_files", tuple)
    monkeypatch.setattr(files, "owners", lambda: ({os.getuid(): "root"}, {os.getgid(): "root"}))
    return tmp_path


def put(path: Path, mode: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    path.chmod(mode)
    return path


def test_the_walk_tells_what_stands_out_once(tree: Path) -> None:
    """Kinds are counted, plain files only looked at, left-out folders not even that; a second mount changes nothing."""
    put(tree / "plain", 0o644)
    put(tree / "suid", 0o4755)
    put(tree / "open", 0o666)
    put(tree / "left-out/open", 0o666)
    (tree / "link").symlink_to(tree / "open")

    seen = files.walk(Question(skip=(str(tree / "left-out"),)))()

    assert {(row["kind"], row["path"], row["mode"]) for row in seen["rows"]} == {
        ("world_writable", f"{tree}/open", "666"),
        ("set_id", f"{tree}/suid", "4755"),
    }
    assert seen["total"] == {
        "set_id": 1,
        "world_writable": 1,
        "no_owner": 0,
        "hidden": 0,
        "not_a_device": 0,
        "lends": 0,
    }
    assert seen["files"] == 8


def test_rows_are_bounded_and_the_count_is_not(tree: Path) -> None:
    """A folder that somebody unpacked as everybody's does not fill the answer."""
    for number in range(205):
        put(tree / f"f{number}", 0o666)

    seen = files.walk(Question())()

    assert (len(seen["rows"]), seen["total"]["world_writable"]) == (200, 205)


def test_a_walk_without_end_is_unknown(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a walk would find half of what stands out."""
    monkeypatch.setattr(files, "SECONDS", -1.0)
    for number in range(4100):
        os.mknod(tree / f"f{number}")

    with pytest.raises(NotSeenError, match="had not ended"):
        files.walk(Question())()


def test_modes_name_what_is_there_and_what_is_not(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link is left out; below a folder too many files are cut where they are as they must be."""
    put(tree / "one", 0o640)
    (tree / "link").symlink_to(tree / "one")
    put(tree / "d/a.conf", 0o600)
    put(tree / "d/.b.conf", 0o644)
    for number in range(205):
        put(tree / f"log/l{number:03}", 0o644 if number != 204 else 0o666)
    monkeypatch.setattr(files, "PATHS", tuple(f"{tree}/{name}" for name in ("one", "link", "none", "d", "d/*", "e/*")))
    monkeypatch.setattr(files, "BELOW", {f"{tree}/log": 0o644, f"{tree}/nolog": 0o644})

    seen = files.modes(Question())()
    rows = {row["path"].removeprefix(f"{tree}/"): (row["mode"], row["folder"]) for row in seen["rows"]}

    assert seen["absent"] == [f"{tree}/{name}" for name in ("link", "none", "e/*", "nolog/**")]
    assert {name: row for name, row in rows.items() if not name.startswith("log/")} == {
        "one": ("640", False),
        "d": ("755", True),
        "d/a.conf": ("600", False),
        "d/.b.conf": ("644", False),
    }
    assert sum(name.startswith("log/") for name in rows) == 200
    assert rows["log/l204"] == ("666", False)
