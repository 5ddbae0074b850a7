"""Modes, set-ID bits and the walk: rights are taken away, never granted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.baseline import files, filesystems, modes, walk
from ansible_collections.haechi.guard.plugins.module_utils.baseline.change import Override, SetMode
from hypothesis import given
from hypothesis import strategies as st

SHADOW = modes.rule({"topic": "U-18", "paths": ["/etc/shadow"], "max": "0400", "owner": "root"})
CRONTAB = modes.rule(
    {"topic": "U-37", "paths": ["/usr/bin/crontab"], "max": "0750", "owner": "root", "group": "root", "keep": True}
)


def acts(plan: object) -> list[object]:
    return [act for change in plan.changes for act in change.acts]


@pytest.mark.parametrize(
    ("mode", "owner", "expected"),
    [
        (0o640, "root", [SetMode("/etc/shadow", 0o400, "root", None)]),
        (0o400, "root", []),
        (0o000, "root", []),
        (0o400, "ann", [SetMode("/etc/shadow", 0o400, "root", None)]),
    ],
)
def test_a_bound_is_no_target(mode: int, owner: str, expected: list[SetMode]) -> None:
    """A stricter mode than asked stays."""
    seen = [modes.Seen("/etc/shadow", mode, owner, "shadow")]

    assert expected == acts(modes.plan(SHADOW, seen, {}))


@given(mode=st.integers(0, 0o7777), bound=st.integers(0, 0o7777))
def test_no_rule_ever_grants_a_right(mode: int, bound: int) -> None:
    """Whatever the bound, the new mode is part of the old one and of the bound."""
    rule = modes.rule({"topic": "U-16", "paths": ["/x"], "max": f"{bound:o}"})
    for act in acts(modes.plan(rule, [modes.Seen("/x", mode, "root", "root")], {})):
        assert act.mode & ~mode == 0
        assert act.mode & ~bound == 0


@pytest.mark.parametrize(
    ("mode", "group", "override", "expected"),
    [
        (0o2755, "crontab", {}, [Override("/usr/bin/crontab", 0o750, "root", "root")]),
        (0o750, "root", {}, [Override("/usr/bin/crontab", 0o750, "root", "root")]),
        (0o750, "root", {"/usr/bin/crontab": "root root 750"}, []),
    ],
)
def test_a_kept_mode_needs_its_override(mode: int, group: str, override: dict[str, str], expected: list) -> None:
    """Without the override the next upgrade brings the set-GID bit back."""
    seen = [modes.Seen("/usr/bin/crontab", mode, "root", group)]

    assert expected == acts(modes.plan(CRONTAB, seen, override))


def test_overrides_are_known_by_the_file_they_are() -> None:
    """Debian 12 ships /bin/mount, which is /usr/bin/mount."""
    text = "root messagebus 4754 /usr/lib/dbus-1.0/dbus-daemon-launch-helper\nroot root 0755 /bin/mount\n"

    assert modes.overrides(text) == {
        "/usr/lib/dbus-1.0/dbus-daemon-launch-helper": "root messagebus 4754",
        "/usr/bin/mount": "root root 755",
    }


def test_links_are_no_business_of_a_rule(tmp_path: Path) -> None:
    """A link in a folder that somebody else writes would lend root's hand to any file."""
    (tmp_path / "real").write_text("")
    (tmp_path / "link").symlink_to("/etc/passwd")
    rule = modes.rule({"topic": "U-67", "paths": [str(tmp_path)], "max": "0644", "below": True})

    assert [str(tmp_path / "real")] == [seen.path for seen in modes.observe(rule, {0: "root"}, {0: "root"})]


def test_one_walk_finds_what_stands_out(tmp_path: Path) -> None:
    """Set-ID programs, files for everybody, folders without the sticky bit; ordinary files do not."""
    for name, mode in (("tool", 0o4755), ("open", 0o666), ("plain", 0o644)):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(mode)
    for name, mode in (("shared", 0o777), ("tmp", 0o1777), ("skipped", 0o777)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    uid, gid = tmp_path.stat().st_uid, tmp_path.stat().st_gid
    found = walk.walk([str(tmp_path)], [str(tmp_path / "skipped")], {uid: "me"}, {gid: "us"})

    assert {(item.kind, Path(item.path).name) for item in found} >= {
        ("set_id", "tool"),
        ("world_writable", "open"),
        ("world_writable", "shared"),
    }
    assert {Path(item.path).name for item in found if item.kind != "hidden"} == {"tool", "open", "shared"}


def test_a_file_of_nobody_is_found(tmp_path: Path) -> None:
    """The next account with that number would own it."""
    (tmp_path / "left").write_text("")

    assert {"no_owner"} == {item.kind for item in walk.walk([str(tmp_path)], [], {}, {}) if "left" in item.path} - {
        "hidden"
    }


def test_set_id_bits_go_unless_allowed_or_ruled() -> None:
    """The list is what stays; everything else is stripped and kept stripped."""
    items = [walk.Item("set_id", f"/usr/bin/{name}", 0o4755, "root", "root") for name in ("su", "chsh", "crontab")]
    plan = walk.plan(items, ["/usr/bin/su"], ["/usr/bin/crontab"])

    assert acts(plan) == [Override("/usr/bin/chsh", 0o755, "root", "root")]


def test_a_flood_of_findings_is_counted() -> None:
    """A tree without an owner must not drown the rest."""
    items = [walk.Item("no_owner", f"/srv/{number}", 0o644, "4711", "4711") for number in range(60)]
    found = walk.plan(items, [], []).findings

    assert len(found) == 51
    assert found[-1].target == "10 more"


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        (
            "overlay / overlay rw 0 0\nproc /proc proc rw 0 0\ntmpfs /run tmpfs rw 0 0\ntmpfs /dev/shm tmpfs rw 0 0\n",
            ("/", "/dev/shm"),  # noqa: S108
        ),
        ("/dev/sda1 / ext4 rw 0 0\n/dev/sdb /home xfs rw 0 0\n", ("/", "/home")),
    ],
)
def test_the_walk_starts_at_local_file_systems(mounts: str, expected: tuple[str, ...]) -> None:
    """A network share is its server's business, /proc is nobody's."""
    assert expected == filesystems.roots(mounts)


def test_a_file_that_is_written_has_its_name_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file first, then its folder as it is with the new name in it (fsync(2)); and a new folder's own name."""
    told: list[tuple[str, list[str]]] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        seen = Path(f"/proc/self/fd/{handle}").readlink()
        told.append((seen.name, sorted(path.name for path in seen.iterdir())) if seen.is_dir() else ("a file", []))
        real(handle)

    monkeypatch.setattr(files.os, "fsync", fsync)
    files.write(str(tmp_path / "list/held"), b"x", mode=0o644, uid=-1, gid=-1)

    assert told == [(tmp_path.name, ["list"]), ("a file", []), ("list", ["held"])]
