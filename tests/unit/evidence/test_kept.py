"""Whether all that was recorded is still there, told from the log and the folders."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from haechi.evidence import EvidenceError, kept
from haechi.evidence.place import FolderPlace
from haechi.evidence.store import Store

from .conftest import closed

SINCE = date(2023, 11, 27)


@pytest.fixture
def old(tmp_path: Path, second: FolderPlace) -> tuple[Store, list[str]]:
    """Return a store with a run of each of three years, and their names."""
    runs = []
    for year in (2022, 2024, 2026):
        at = datetime(year, 11, 26, tzinfo=UTC)
        store = Store(tmp_path / "state", second, lambda at=at: at)
        runs.append(closed(store, verb="offboard"))
    return store, runs


def test_nothing_is_on_record_before_the_first_run(store: Store) -> None:
    """No log, no key; that is no fault."""
    assert kept.look(store.path, SINCE) == {"first": None, "runs": 0, "lacking": [], "fault": ""}


def test_what_is_there_is_counted_since_a_day(old: tuple[Store, list[str]]) -> None:
    """A run from before may be there or not."""
    store, (first, *_) = old
    whole = {"first": "2022-11-26", "runs": 2, "lacking": [], "fault": ""}
    assert kept.look(store.path, SINCE) == whole
    shutil.rmtree(store.path / "runs" / first)
    assert kept.look(store.path, SINCE) == whole


@pytest.mark.parametrize("how", ["gone", "emptied"])
def test_a_run_without_records_is_named(old: tuple[Store, list[str]], how: str) -> None:
    """Taken away, or made empty."""
    store, (_, second, _) = old
    records = store.path / "runs" / second / "records.jsonl"
    records.unlink() if how == "gone" else records.write_bytes(b"")

    assert kept.look(store.path, SINCE)["lacking"] == [second]


def test_a_log_that_was_cut_is_a_fault(old: tuple[Store, list[str]]) -> None:
    """Its last line gone, as the second place knows; its first line gone, as its numbers say."""
    store, _ = old
    log = store.path / "site.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)

    log.write_bytes(b"".join(lines[:-1]))
    assert kept.look(store.path, SINCE)["fault"] == "cut: 3 checkpoints went to the second place, here are 2"
    log.write_bytes(b"".join(lines[1:]))
    assert "no checkpoint 1; checkpoint 2 follows" in kept.look(store.path, SINCE)["fault"]


def test_without_its_key_nobody_can_tell(old: tuple[Store, list[str]]) -> None:
    """Whoever took the key away could have written the log."""
    store, _ = old
    (store.path / "key.pub").unlink()

    with pytest.raises(EvidenceError, match=r"key\.pub"):
        kept.look(store.path, SINCE)
