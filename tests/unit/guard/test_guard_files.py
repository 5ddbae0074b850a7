"""What a guarded change does to files is decided before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.guard.files import (
    Change,
    File,
    current,
    diff,
    plan,
    same,
    wanted,
)

OLD = File("/etc/x", b"old\n", 0o644)
NEW = File("/etc/x", b"new\n", 0o600, 0, 4)
GONE = File("/etc/x", None)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"path": "/etc/x", "content": "a\n"}, File("/etc/x", b"a\n", 0o644, 0, 0)),
        ({"path": "/etc/x", "content": "", "mode": "0440"}, File("/etc/x", b"", 0o440, 0, 0)),
        ({"path": "/etc/x", "content": "가", "owner": "root", "group": "root"}, File("/etc/x", b"\xea\xb0\x80")),
        ({"path": "/etc/x", "content": None, "mode": "0600"}, GONE),
        ({"path": "/etc/x"}, GONE),
        ({"path": "/etc/x..d/y", "content": "a"}, File("/etc/x..d/y", b"a")),
    ],
)
def test_a_task_names_a_file(entry: dict[str, object], expected: File) -> None:
    """Content, mode and owner are taken as asked; no content means that the file must be absent."""
    assert wanted(entry) == expected


@pytest.mark.parametrize("path", ["etc/x", "", "./x", "../etc/x", "/etc/../root/x", "/etc/.."])
def test_a_path_must_be_whole(path: str) -> None:
    """A relative path, or one that climbs, is refused even when the file is to be removed."""
    for content in ("a", None):
        with pytest.raises(ValueError, match=r"is no absolute path$"):
            wanted({"path": path, "content": content})


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"mode": "u=rw"}, ValueError),
        ({"mode": "0689"}, ValueError),
        ({"owner": "no-such-user"}, KeyError),
        ({"group": "no-such-group"}, KeyError),
    ],
)
def test_an_unknown_mode_or_owner_is_refused(more: dict[str, str], error: type[Exception]) -> None:
    """Nothing is guessed about who may read a file."""
    with pytest.raises(error):
        wanted({"path": "/etc/x", "content": "a", **more})


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        pytest.param(OLD, OLD, True, id="equal"),
        pytest.param(OLD, File("/etc/x", b"new\n", 0o644), False, id="content"),
        pytest.param(OLD, File("/etc/x", b"old\n", 0o600), False, id="mode"),
        pytest.param(OLD, File("/etc/x", b"old\n", 0o644, 1), False, id="owner"),
        pytest.param(OLD, File("/etc/x", b"old\n", 0o644, 0, 1), False, id="group"),
        pytest.param(OLD, GONE, False, id="removed"),
        pytest.param(GONE, File("/etc/x", b""), False, id="empty-is-not-absent"),
        pytest.param(GONE, File("/etc/x", None, 0o600, 1, 1), True, id="absent-has-no-mode"),
    ],
)
def test_files_are_the_same_to_the_last_bit(one: File, two: File, *, expected: bool) -> None:
    """Content, mode and owner count, in both directions; two absent files are alike."""
    assert (same(one, two), same(two, one)) == (expected, expected)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param([], [], (), id="nothing"),
        pytest.param([OLD], [OLD], (), id="as-is"),
        pytest.param([OLD], [NEW], (Change(OLD, NEW),), id="changed"),
        pytest.param([GONE], [NEW], (Change(GONE, NEW),), id="new"),
        pytest.param([OLD], [GONE], (Change(OLD, GONE),), id="removed"),
        pytest.param([GONE, OLD, OLD], [GONE, OLD, NEW], (Change(OLD, NEW),), id="only-what-differs"),
    ],
)
def test_a_plan_holds_what_differs(before: list[File], after: list[File], expected: tuple[Change, ...]) -> None:
    """An empty plan means that nothing must be done."""
    assert plan(before, after) == expected


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        pytest.param(
            Change(OLD, NEW), "# mode 0644 owner 0:0\nold\n", "# mode 0600 owner 0:4\nnew\n", id="mode-and-owner"
        ),
        pytest.param(Change(GONE, OLD), "", "# mode 0644 owner 0:0\nold\n", id="new"),
        pytest.param(Change(OLD, GONE), "# mode 0644 owner 0:0\nold\n", "", id="removed"),
        pytest.param(
            Change(GONE, File("/etc/x", b"\xff\n", 0o4755)), "", "# mode 4755 owner 0:0\n\ufffd\n", id="no-text"
        ),
    ],
)
def test_a_diff_shows_both_sides(change: Change, before: str, after: str) -> None:
    """A reader sees content, mode and owner before and after, and nothing for a file that is absent."""
    expected = [{"before_header": "/etc/x", "after_header": "/etc/x", "before": before, "after": after}]
    assert diff((change,)) == expected


def test_a_file_is_read_as_it_is(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Content, mode and owner come from the disk; a missing file is absent."""
    place = tmp_path_factory.mktemp("files") / "x"
    assert current(str(place)) == File(str(place), None)

    place.write_bytes(b"old\n")
    place.chmod(0o640)
    status = place.stat()
    assert current(str(place)) == File(str(place), b"old\n", 0o640, status.st_uid, status.st_gid)


def test_a_link_is_refused(tmp_path: Path) -> None:
    """Put back as a file, a link would lead elsewhere than before, and with its own mode of 0777."""
    (tmp_path / "file").write_text("content\n")
    (tmp_path / "link").symlink_to(tmp_path / "file")

    with pytest.raises(ValueError, match="is a symbolic link"):
        current(str(tmp_path / "link"))
