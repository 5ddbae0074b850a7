"""The command says what was found by its exit code, and where and how to mend it in words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from haechi.cli import main
from haechi.evidence.place import FolderPlace
from haechi.evidence.store import Store

from .conftest import closed

BASE = Path(__file__).parents[2] / "cases/validate/base"


@pytest.fixture
def inventory(tmp_path: Path, second: FolderPlace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an inventory whose second place is a folder of this machine."""
    shutil.copytree(BASE, tmp_path / "inventory")
    file = tmp_path / "inventory/group_vars/all/policy/site.yml"
    file.write_text(file.read_text() + f"  evidence_copy: {second.folder}\n")
    monkeypatch.setenv("HAECHI_STATE_DIR", str(tmp_path / "home"))
    return tmp_path / "inventory"


@pytest.fixture
def store(tmp_path: Path, second: FolderPlace) -> Store:
    """Return the store that the inventory's policy means."""
    return Store(tmp_path / "home/base", second)


def test_whole_evidence_exits_with_0(inventory: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """And says up to where, in both languages."""
    closed(store)

    assert main(["evidence", "verify", "-i", str(inventory)]) == 0
    out = capsys.readouterr().out
    assert "complete up to checkpoint 1; later records cannot be excluded" in out
    assert out.endswith("The evidence is whole. 증거가 온전합니다.\n")


def test_broken_evidence_exits_with_1(inventory: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """The record, the line and what to do."""
    run = closed(store)
    path = store.path / "runs" / run / "records.jsonl"
    path.write_bytes(path.read_bytes().replace(b"host3", b"host4"))

    assert main(["evidence", "verify", "-i", str(inventory)]) == 1
    out = capsys.readouterr().out
    assert f"BROKEN   runs/{run}/records.jsonl: record 5, line 5: altered" in out
    assert "    -> restore it from backup" in out


def test_an_open_end_exits_with_3(inventory: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """The command that mends it is named, and mends it."""
    writer = store.begin("site", {})
    writer.release()

    assert main(["evidence", "verify", "-i", str(inventory)]) == 3
    assert f"haechi evidence seal {writer.run}" in capsys.readouterr().out
    assert main(["evidence", "seal", "-i", str(inventory), writer.run]) == 0
    assert main(["evidence", "verify", "-i", str(inventory)]) == 0


def test_nothing_on_record_exits_with_3(inventory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No evidence is not whole evidence."""
    assert main(["evidence", "verify", "-i", str(inventory)]) == 3
    assert "nothing is on record here" in capsys.readouterr().err


def test_the_anchor_is_fetched_and_compared(
    inventory: Path, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second place's file, as it is there."""
    closed(store)
    anchor = tmp_path / "anchor.jsonl"

    assert main(["evidence", "anchor", "-i", str(inventory), "--out", str(anchor)]) == 0
    assert anchor.read_bytes() == (store.path / "site.jsonl").read_bytes()
    assert main(["evidence", "verify", "-i", str(inventory), "--anchor", str(anchor)]) == 0
    assert "the second place confirms all 1 checkpoints" in capsys.readouterr().out


def test_an_export_is_made_and_verified_by_a_key_kept_elsewhere(
    inventory: Path, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The auditor needs the folder and the key."""
    run = closed(store)
    day = f"{run[:4]}-{run[4:6]}-{run[6:8]}"
    out, key = tmp_path / "out", tmp_path / "noted.pub"
    shutil.copy(store.path / "key.pub", key)

    assert main(["evidence", "export", "-i", str(inventory), "--from", day, "--to", day, "--out", str(out)]) == 0
    assert main(["evidence", "verify", str(out), "--key", str(key)]) == 0
    assert "lay beside the evidence" not in capsys.readouterr().out
    assert main(["evidence", "export", "-i", str(inventory), "--from", day, "--to", day, "--out", str(out)]) == 3
    assert "name a folder that is not" in capsys.readouterr().err


def test_the_list_names_every_run(inventory: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Oldest first, with its checkpoint or none."""
    run = closed(store)
    store.begin("site", {}).release()

    assert main(["evidence", "list", "-i", str(inventory)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split() == [run, "7", "records", "checkpoint", "1"] for line in lines)
    assert any(line.endswith("1 records  not closed") for line in lines)


WRONG = [
    ["export", "--from", "yesterday", "--to", "2026-11-24", "--out", "x"],
    ["export", "--from", "2026-11-24"],
    ["verfy"],
    [],
]


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_wrong_usage_exits_with_2(words: list[str]) -> None:
    """As every command does."""
    with pytest.raises(SystemExit) as left:
        main(["evidence", *words])

    assert left.value.code == 2
