"""The old state comes back whole, once, and whoever asks for it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.guard.rollback import restore, restore_files

OWNER = {"uid": os.getuid(), "gid": os.getgid()}
GUARD = "var/lib/haechi/guard"
BEFORE = {"etc/one": ("old one\n", 0o640), "etc/two": ("old two\n", 0o600), "etc/lost/three": ("old three\n", 0o644)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a host in the middle of a change: two files rewritten, one removed with its folder, one added."""
    host = tmp_path / "host"
    saved = host / GUARD / "saved"
    saved.mkdir(parents=True)
    (host / "etc").mkdir()
    for name in ("one", "two", "added"):
        (host / "etc" / name).write_text("new\n")
        (host / "etc" / name).chmod(0o666)
    files: list[dict[str, object]] = []
    for number, (path, (content, mode)) in enumerate(BEFORE.items()):
        (saved / f"file{number}").write_text(content)
        files.append({"path": f"/{path}", "saved": f"file{number}", "mode": mode, **OWNER})
    files.append({"path": "/etc/added", "saved": None, "mode": 0o644, **OWNER})
    commands = [["touch", str(tmp_path / "ran")]]
    manifest = {"token": "t1", "subsystem": "sshd", "files": files, "commands": commands}
    (saved / "manifest.json").write_text(json.dumps(manifest))
    (host / GUARD / "pending").write_text("t1")
    (host / GUARD / "lock").write_text("{}")
    return host


def rewrite(root: Path, **changes: object) -> dict[str, object]:
    """Change the manifest, and return it."""
    path = root / GUARD / "saved" / "manifest.json"
    manifest: dict[str, object] = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(manifest))
    return manifest


def tree(root: Path) -> dict[str, tuple[str, int]]:
    """Return each file below etc with its content and mode."""
    found = (path for path in sorted((root / "etc").rglob("*")) if path.is_file())
    return {str(path.relative_to(root)): (path.read_text(), path.stat().st_mode & 0o7777) for path in found}


def memory(root: Path) -> list[str]:
    """Return what the guard still keeps on the host."""
    return sorted(path.name for path in (root / GUARD).iterdir())


def last(root: Path) -> dict[str, object]:
    """Return what the guard says of its last restore."""
    said: dict[str, object] = json.loads((root / GUARD / "last.json").read_text())
    return said


@pytest.mark.parametrize("why", ["timer", "boot", "asked"])
def test_the_old_state_comes_back(root: Path, why: str) -> None:
    """Content and mode are as before, what was new is gone, the change is over and its end is explained."""
    assert restore(why, root) == "old state restored"

    assert tree(root) == BEFORE
    assert memory(root) == ["last.json", "mutex"]
    assert last(root) == {"token": "t1", "why": why, "unmended": [], "subsystem": "sshd"}


@pytest.mark.parametrize(("why", "ran"), [("timer", True), ("asked", True), ("boot", False)])
def test_commands_wait_for_services(root: Path, tmp_path: Path, why: str, *, ran: bool) -> None:
    """Old files are made effective at once, but not at boot, when services will read them anyway."""
    restore(why, root)

    assert (tmp_path / "ran").exists() == ran


def test_nothing_pending_is_left_alone(root: Path) -> None:
    """Without the mark of an unproven change no file is touched."""
    (root / GUARD / "pending").unlink()
    before = tree(root)

    assert restore("timer", root) == "nothing pending"
    assert tree(root) == before
    assert memory(root) == ["lock", "mutex", "saved"]


def test_a_host_without_memory_has_nothing_pending(tmp_path: Path) -> None:
    """A host that never saw a guarded change answers like one whose change was kept."""
    assert restore("boot", tmp_path) == "nothing pending"


def test_twice_is_once(root: Path, tmp_path: Path) -> None:
    """The clock and the controller may both ask: the second finds nothing to do."""
    restore("timer", root)
    (tmp_path / "ran").unlink()
    (root / "etc" / "one").write_text("written since\n")

    assert restore("asked", root) == "nothing pending"
    assert (root / "etc" / "one").read_text() == "written since\n"
    assert not (tmp_path / "ran").exists()
    assert last(root)["why"] == "timer"


@pytest.mark.parametrize("done", [0, 1, 2, 3, 4])
def test_a_crash_in_the_middle_is_made_good(root: Path, done: int) -> None:
    """However many files were back when the power went, the next start ends in the same state."""
    manifest = json.loads((root / GUARD / "saved" / "manifest.json").read_text())
    restore_files({"files": manifest["files"][:done]}, root / GUARD / "saved", root)
    (root / "etc" / ".one.haechi").write_text("half a f")

    assert restore("boot", root) == "old state restored"
    assert tree(root) == BEFORE
    assert memory(root) == ["last.json", "mutex"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param(["sh", "-c", "echo no such unit >&2; exit 1"], "no such unit", id="failed"),
        pytest.param(["/nonexistent/haechi"], "/nonexistent/haechi: ", id="missing"),
    ],
)
def test_a_failed_command_is_told_and_passed(root: Path, tmp_path: Path, command: list[str], words: str) -> None:
    """The files are back and later commands run whatever one command does; the failure is written down."""
    rewrite(root, commands=[command, ["touch", str(tmp_path / "ran")]])

    answer = restore("asked", root)

    assert answer.startswith("old files restored, but: ")
    assert words in answer
    assert tree(root) == BEFORE
    assert (tmp_path / "ran").exists()
    assert memory(root) == ["last.json", "mutex"]
    assert [words in str(said) for said in [last(root)["unmended"]]] == [True]
