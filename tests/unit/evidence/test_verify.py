"""Verify finds what was done to a store, to an export and to the second place."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.evidence import EvidenceError, canonical, export, keys
from haechi.evidence.place import FolderPlace
from haechi.evidence.store import Store
from haechi.evidence.verify import Report, verify

from .conftest import closed

TODAY = date(2000, 1, 1), date(2100, 1, 1)


@pytest.fixture
def runs(store: Store) -> list[str]:
    """Return the names of three closed runs."""
    return [closed(store, 3) for _ in range(3)]


def judged(store: Store, anchor: Path | None = None) -> Report:
    return verify(store.path, keys.public_key(store.path / "key.pub"), anchor)


def told(report: Report) -> str:
    return "\n".join(f"{found.where}: {found.what}" for found in report.findings)


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.usefixtures("runs")
@given(st.integers(0, 2**32))
def test_any_changed_byte_of_any_file_is_found(store: Store, seed: int) -> None:
    """Records, checkpoints, the log, the objects and the key."""
    chance = random.Random(seed)  # noqa: S311 - a choice of bytes, no secret
    targets = [path for path in sorted(store.path.rglob("*")) if path.is_file() and path.stat().st_size]
    path = chance.choice([path for path in targets if path.name not in {"key", "key.pub", "copied.json"}])
    good = path.read_bytes()
    at = chance.randrange(len(good))
    path.write_bytes(good[:at] + bytes([good[at] ^ 1 << chance.randrange(8)]) + good[at + 1 :])
    report = judged(store)
    path.write_bytes(good)

    assert report.code in {1, 3}
    assert report.findings or at == len(good) - 1
    assert judged(store).code == 0


def test_a_changed_record_is_named(store: Store, runs: list[str]) -> None:
    """Run, record, line, and what to do."""
    edit(store.path / "runs" / runs[1] / "records.jsonl", lambda data: data.replace(b"host1", b"host9"))
    found = judged(store).findings

    assert [(f.where, f.what) for f in found] == [
        (
            f"runs/{runs[1]}/records.jsonl",
            "record 3, line 3: altered: it is not the record that record 4 follows",
        )
    ]
    assert found[0].mend.startswith("restore it from backup")


def test_a_deleted_run_is_named(store: Store, runs: list[str]) -> None:
    """The log knows that it was."""
    shutil.rmtree(store.path / "runs" / runs[0])

    assert f"runs/{runs[0]}: missing: checkpoint 1 counts 5 records of it" in told(judged(store))


def test_a_cut_log_is_found_by_the_runs_it_forgot(store: Store, runs: list[str]) -> None:
    """The run still has its own copy of its checkpoint."""
    (store.path / "copied.json").unlink()
    edit(store.path / "site.jsonl", lambda data: b"".join(data.splitlines(keepends=True)[:2]))

    assert f"runs/{runs[2]}: site.jsonl was cut or rewritten" in told(judged(store))


def cut(store: Store, runs: list[str], left: int) -> None:
    """Take the last runs away, with all their traces on this machine."""
    edit(store.path / "site.jsonl", lambda data: b"".join(data.splitlines(keepends=True)[:left]))
    (store.path / "copied.json").unlink()
    for run in runs[left:]:
        shutil.rmtree(store.path / "runs" / run)


def anchor_of(second: FolderPlace) -> Path:
    return second.folder / "base-checkpoints.jsonl"


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("field", ["run", "head", "at", "policy", "prev_checkpoint", "key", "signature"])
def test_a_number_in_place_of_a_word_is_found(store: Store, second: FolderPlace, field: str) -> None:
    """Whatever stands in the line, verify says that it is broken, and no later run follows it."""

    def numbered(data: bytes) -> bytes:
        *before, last = data.splitlines(keepends=True)
        return b"".join(before) + canonical.dumps(json.loads(last) | {field: 7}) + b"\n"

    edit(anchor_of(second), numbered)
    assert told(judged(store, anchor_of(second))) == (
        f"{anchor_of(second)}: line 3: altered: no checkpoint (3) in its one form"
    )

    edit(store.path / "site.jsonl", numbered)
    assert "site.jsonl: checkpoint 3, line 3: altered: the line is no checkpoint" in told(judged(store))
    with pytest.raises(EvidenceError, match="line 3 is no checkpoint of this site's key"):
        closed(store)


def test_a_cut_tail_is_found_by_the_anchor_alone(store: Store, runs: list[str], second: FolderPlace) -> None:
    """Without it verify says what it cannot exclude."""
    cut(store, runs, 2)
    alone = judged(store)

    assert alone.code == 0
    assert alone.notes == ["complete up to checkpoint 2; later records cannot be excluded"]
    held = judged(store, anchor_of(second))
    assert held.code == 1
    assert "the site log was cut: it ends at 2, the copy goes on to 3" in told(held)


def test_a_log_rewritten_with_another_key_is_found_by_the_anchor(
    store: Store, runs: list[str], second: FolderPlace
) -> None:
    """Root can make a new key and a new history; the copy is of the old one."""
    kept = keys.public_key(store.path / "key.pub")
    shutil.rmtree(store.path)
    forger = Store(store.path.parent)
    for _ in runs:
        closed(forger, 1)

    assert judged(forger).code == 0
    assert "another key signed it" in told(judged(forger, anchor_of(second)))
    assert verify(forger.path, kept).code == 1
    assert "another key signed it" in told(verify(forger.path, kept))


def test_a_log_rewritten_with_the_same_key_is_found_by_the_anchor(
    store: Store, runs: list[str], second: FolderPlace
) -> None:
    """Root has the key; what he signs later differs from what was copied."""
    cut(store, runs, 1)
    closed(Store(store.path.parent), 1)
    closed(Store(store.path.parent), 1)

    assert judged(store).code == 0
    assert f"checkpoint 2 of {runs[1]} is signed, and the log has another" in told(judged(store, anchor_of(second)))


@pytest.mark.usefixtures("runs")
def test_an_anchor_that_agrees_says_so(store: Store, second: FolderPlace) -> None:
    """Nothing later can have been cut."""
    report = judged(store, anchor_of(second))

    assert (report.code, report.anchored) == (0, 3)
    assert report.notes == ["the second place confirms all 3 checkpoints"]


ANCHORS = {
    "empty": (b"", 3, "holds no checkpoint"),
    "behind": (lambda lines: lines[0] + lines[1], 0, "confirms up to checkpoint 2 of 3"),
    "a line twice": (lambda lines: lines[0] + lines[0] + lines[1] + lines[2], 0, "all 3"),
    "a line that broke off": (lambda lines: lines[0][:50] + b"\n" + b"".join(lines), 0, "breaks off"),
    "its last line cut": (lambda lines: b"".join(lines)[:-9], 0, "up to checkpoint 2 of 3"),
    "begun anew": (lambda lines: lines[2], 1, "lacks checkpoint 1"),
    "a gap": (lambda lines: lines[0] + lines[2], 1, "lacks checkpoint 2"),
    "an altered line": (lambda lines: b"".join(lines).replace(b'"number":2', b'"number":1'), 1, "does not match"),
    "nested without end": (lambda lines: b"".join(lines) + b"[" * 200_000 + b"\n", 1, "altered"),
    "no JSON": (lambda lines: b"".join(lines) + b"hello\n", 1, "altered"),
}


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("name", ANCHORS)
def test_an_anchor_is_judged_too(store: Store, second: FolderPlace, name: str) -> None:
    """Copying may repeat or break off; everything else is somebody's hand."""
    made, expected, words = ANCHORS[name]
    path = anchor_of(second)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(made(lines) if callable(made) else made)
    report = judged(store, path)

    assert report.code == expected
    assert words in "\n".join([told(report), *report.doubts, *report.notes])


def test_an_export_is_verified_without_the_site(store: Store, runs: list[str], tmp_path: Path) -> None:
    """The public key and the folder are enough."""
    assert export.write(store.path, *TODAY, tmp_path / "out") == 3
    kept = keys.public_key(store.path / "key.pub")
    shutil.rmtree(store.path.parent)
    report = verify(tmp_path / "out", kept)

    assert (report.code, report.runs, report.upto) == (0, len(runs), 3)
    assert not (tmp_path / "out/key").exists()


def test_an_export_of_some_days_lacks_the_others_and_says_so(store: Store, runs: list[str], tmp_path: Path) -> None:
    """A run outside the days is not missing, one inside is."""
    kept = keys.public_key(store.path / "key.pub")
    export.write(store.path, date(2000, 1, 1), date(2000, 1, 2), tmp_path / "none")
    export.write(store.path, *TODAY, tmp_path / "all")
    shutil.rmtree(tmp_path / "all/runs" / runs[1])

    assert verify(tmp_path / "none", kept).code == 0
    assert f"runs/{runs[1]}: missing" in told(verify(tmp_path / "all", kept))


@pytest.mark.usefixtures("runs")
def test_an_export_whose_days_were_narrowed_is_broken(store: Store, tmp_path: Path) -> None:
    """The list is signed."""
    kept = keys.public_key(store.path / "key.pub")
    export.write(store.path, *TODAY, tmp_path / "out")
    edit(tmp_path / "out/export.json", lambda data: data.replace(b'"2100-01-01"', b'"2001-01-01"'))
    report = verify(tmp_path / "out", kept)

    assert report.code == 1
    assert "export.json: altered: the key did not sign it" in told(report)
