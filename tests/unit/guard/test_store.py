"""The lock and the mark of a guarded change, in a folder of the test's own."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.guard import rollback, store
from ansible_collections.haechi.guard.plugins.module_utils.guard.files import File
from ansible_collections.haechi.guard.plugins.module_utils.guard.refusal import RefusedError


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "guard"
    monkeypatch.setattr(store, "STATE", path)
    monkeypatch.setattr(rollback, "STATE", path)
    return path


def test_a_second_run_is_refused_by_name() -> None:
    """Who holds the host, and for how long, stands in the refusal."""
    store.lock("one", "ann on the control node", 25)

    with pytest.raises(RefusedError, match=r"another change is under way on this host: ann on the control node, for"):
        store.lock("two", "bob on the control node", 25)


def test_a_lock_is_never_seen_without_its_holder(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run that looks at any moment finds no lock or a whole one: an empty one would count for a dead run's."""
    seen: list[str | None] = []
    path, real = state / "lock", os.fdopen

    def looked(*args: Any, **more: Any) -> Any:
        seen.append(path.read_text() if path.exists() else None)
        return real(*args, **more)

    monkeypatch.setattr(store.os, "fdopen", looked)
    store.lock("one", "ann", 25)

    assert seen == [None]
    assert json.loads(path.read_text())["owner"] == "ann"
    assert [file.name for file in state.iterdir()] == ["lock"]
    assert path.stat().st_mode & 0o7777 == 0o600


def test_a_lock_that_is_held_leaves_no_spare_file(state: Path) -> None:
    """Whoever is refused was never there."""
    store.lock("one", "ann", 25)
    with pytest.raises(RefusedError):
        store.lock("two", "bob", 25)

    assert [file.name for file in state.iterdir()] == ["lock"]


def test_a_run_frees_its_own_lock_and_no_other(state: Path) -> None:
    """A run that was taken back must not free the host under the next one."""
    store.lock("two", "bob", 25)

    store.unlock("one")
    assert json.loads((state / "lock").read_text())["owner"] == "bob"

    store.unlock("two")
    assert not (state / "lock").exists()


def test_a_lock_of_another_boot_is_over(state: Path) -> None:
    """The run that held it died with the machine."""
    state.mkdir()
    (state / "lock").write_text(json.dumps({"token": "one", "owner": "ann", "boot": "another", "until": 1e12}))

    store.lock("two", "bob", 25)

    assert json.loads((state / "lock").read_text())["owner"] == "bob"


def test_two_runs_that_find_a_dead_one_s_lock_do_not_both_get_it(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second would put back what the first has just armed, and take its lock away."""
    state.mkdir()
    (state / "lock").write_text(json.dumps({"token": "dead", "owner": "eve", "boot": "another", "until": 1e12}))
    told: list[str] = []

    def second() -> None:
        try:
            store.lock("two", "bob", 25)
        except RefusedError as error:
            told.append(str(error))

    other = threading.Thread(target=second)

    def restore(_why: str) -> str:
        if not other.ident:
            other.start()
            other.join(0.1)
        return "nothing pending"

    monkeypatch.setattr(rollback, "restore", restore)
    store.lock("one", "ann", 25)
    other.join()

    assert json.loads((state / "lock").read_text())["owner"] == "ann"
    assert told
    assert told[0].startswith("another change is under way on this host: ann, for")


def test_a_proof_that_comes_too_late_keeps_nothing(state: Path) -> None:
    """Once the old state is back, a commit is an error in plain words."""
    state.mkdir()

    with pytest.raises(RefusedError, match="the host has already put the old state back"):
        store.commit("one")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root saves files as root's own")
def test_what_is_saved_is_what_was_there(state: Path) -> None:
    """Content, mode and owner of each old file, and that one was absent."""
    state.mkdir()
    old = File("/etc/x", b"old\n", 0o440, 1200, 1300)

    store.save("one", "sudo", [old, File("/etc/y", None)], [["true"]], {"live.nft": b"table\n"})

    manifest = json.loads((state / rollback.SAVED / "manifest.json").read_text())
    assert manifest == {
        "token": "one",
        "subsystem": "sudo",
        "files": [
            {"path": "/etc/x", "saved": "file0", "mode": 0o440, "uid": 1200, "gid": 1300},
            {"path": "/etc/y", "saved": None, "mode": 0o644, "uid": 0, "gid": 0},
        ],
        "commands": [["true"]],
    }
    assert (state / rollback.SAVED / "file0").read_bytes() == b"old\n"
    assert (state / rollback.SAVED / "live.nft").read_bytes() == b"table\n"


def test_no_room_is_told_before_anything_is_written(state: Path) -> None:
    """A reservation that the disk cannot hold leaves nothing behind."""
    state.mkdir()

    with pytest.raises(RefusedError, match=r"no room for .* nothing was changed"):
        store.reserve(1 << 60)

    assert list(state.iterdir()) == []
