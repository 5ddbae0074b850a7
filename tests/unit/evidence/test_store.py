"""What is written stays readable, for its owner alone, and no writer can be in another's way."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import stat
import time
from pathlib import Path

import pytest

from haechi.evidence import EvidenceError, chain, checkpoint, files, keys, recover, sitelog
from haechi.evidence.place import FolderPlace
from haechi.evidence.store import Store, hold
from haechi.evidence.verify import verify

from .conftest import closed


def code(store: Store) -> int:
    """Return what verify says of a store."""
    return verify(store.path, keys.public_key(store.path / "key.pub")).code


def test_a_closed_run_is_whole(store: Store) -> None:
    """Begin, five records, end; a name that sorts by time."""
    run = closed(store)
    report = verify(store.path, keys.public_key(store.path / "key.pub"))

    assert (report.code, report.runs, report.records, report.upto) == (0, 1, 7, 1)
    assert chain.RUN.fullmatch(run)
    assert store.runs() == [run]
    assert report.notes == ["complete up to checkpoint 1; later records cannot be excluded"]


def test_only_the_owner_reads_it(store: Store) -> None:
    """Folders 0700, files 0600."""
    closed(store)
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in [store.path, *store.path.rglob("*")]}

    assert modes == {(True, 0o700), (False, 0o600)}


def test_a_key_that_others_may_read_signs_nothing(store: Store) -> None:
    """Whoever could read it could have signed."""
    closed(store)
    (store.path / "key").chmod(0o640)

    with pytest.raises(EvidenceError, match=r"mode 0640 lets others read the key: run `chmod 600"):
        store.begin("audit", {})


def test_a_lost_key_is_not_made_anew(store: Store) -> None:
    """A second key would make the first one's evidence look forged."""
    closed(store)
    (store.path / "key").unlink()

    with pytest.raises(EvidenceError, match="restore it from backup"):
        store.begin("audit", {})


def test_a_run_has_one_writer(store: Store) -> None:
    """The second one is refused while the first lives."""
    writer = store.begin("site", {})

    with pytest.raises(EvidenceError, match="another process writes this run"):
        hold(writer.path)
    with pytest.raises(EvidenceError, match="another process writes this run"):
        recover.seal(store, writer.run)


def test_a_writer_waits_for_a_reader(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever verifies holds a shared lock for a moment, and that is no other writer."""
    writer = store.begin("site", {})
    writer.release()
    reader = (writer.path / "records.jsonl").open("rb")
    fcntl.flock(reader, fcntl.LOCK_SH)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            reader.close()

    monkeypatch.setattr(time, "sleep", pause)
    handle = hold(writer.path)

    assert pauses == [0.01, 0.01, 0.01]
    with pytest.raises(EvidenceError, match="another process writes this run"):
        hold(writer.path)
    assert len(pauses) == 3
    os.close(handle)


def test_a_reader_that_stays_is_waited_for_a_second(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the run says why it does not begin."""
    writer = store.begin("site", {})
    writer.release()
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with (writer.path / "records.jsonl").open("rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        with pytest.raises(EvidenceError, match="another process writes this run, or goes on reading it"):
            hold(writer.path)

    assert sum(pauses) == pytest.approx(1)


def test_an_object_is_what_its_name_says(store: Store) -> None:
    """An altered object is never handed out."""
    name = store.put(b"policy")
    assert store.get(name) == b"policy"
    (store.path / "objects" / name).write_bytes(b"Policy")

    with pytest.raises(EvidenceError, match="altered"):
        store.get(name)
    with pytest.raises(EvidenceError, match="no digest"):
        store.get("../key")


def test_an_interrupted_run_is_never_called_whole(store: Store) -> None:
    """Its writer is alive, then dead, then it is sealed."""
    closed(store)
    writer = store.begin("site", {})
    assert code(store) == 0
    writer.release()
    report = verify(store.path, keys.public_key(store.path / "key.pub"))

    assert report.code == 3
    assert "not closed: 1 records" in report.doubts[0]

    recover.seal(store, writer.run)

    assert code(store) == 0
    with pytest.raises(EvidenceError, match="closed already"):
        recover.seal(store, writer.run)


@pytest.mark.exhaustive
def test_a_crash_at_any_byte_of_a_record_can_be_verified_and_sealed(store: Store) -> None:
    """What was whole before the crash stays."""
    writer = store.begin("site", {})
    writer.add("run", {"task": "x"})
    writer.release()
    path = writer.path / "records.jsonl"
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for size in range(first, len(whole) + 1):
        path.write_bytes(whole[:size])
        report = verify(store.path, keys.public_key(store.path / "key.pub"))

        assert (report.code, report.findings) == (3, [])
        assert report.records == (2 if size == len(whole) else 1)

    path.write_bytes(whole[:-5])
    recover.seal(store, writer.run)
    last = chain.parse(sitelog.lines(path)[-1])

    assert code(store) == 0
    assert last is not None
    assert last["body"] == {"interrupted": True, "torn": whole[first:-5].decode()}


def test_a_crash_at_any_byte_of_a_checkpoint_stops_no_later_run(store: Store) -> None:
    """The torn line is mended by the next run; the run it was of is unsigned and can be sealed."""
    closed(store)
    log = store.path / "site.jsonl"
    before = log.read_bytes()
    broken = closed(store)
    whole = log.read_bytes()
    alone = Store(store.path.parent)
    (store.path / "copied.json").unlink()
    for size in range(len(before) + 1, len(whole), 40):
        log.write_bytes(whole[:size])
        (store.path / "runs" / broken / "checkpoint.json").unlink(missing_ok=True)
        assert code(store) == 3

    log.write_bytes(whole[: len(before) + 100])
    later = closed(alone)
    assert code(store) == 3
    recover.seal(alone, broken)

    assert code(store) == 0
    assert [checkpoint.parse(line).run for line in sitelog.lines(log)][1:] == [later, broken]


def test_a_checkpoint_that_lacks_only_its_line_feed_is_kept(store: Store) -> None:
    """It was written whole."""
    run = closed(store)
    log = store.path / "site.jsonl"
    log.write_bytes(log.read_bytes()[:-1])
    (store.path / "runs" / run / "checkpoint.json").unlink()
    assert code(store) == 3
    closed(store)

    assert code(store) == 0


def test_writers_at_once_share_one_log(tmp_path: Path) -> None:
    """Eight processes, one chain of checkpoints, one key."""
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=closed, args=(Store(tmp_path / "state"), 20)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    store = Store(tmp_path / "state")
    report = verify(store.path, keys.public_key(store.path / "key.pub"))

    assert [worker.exitcode for worker in workers] == [0] * 8
    assert (report.code, report.runs, report.upto) == (0, 8, 8)


def test_a_full_disk_is_told_and_leaves_no_half_record(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the file and what to do."""
    writer = store.begin("site", {})
    real = os.write

    def full(handle: int, data: bytes) -> int:
        if len(data) > 9:
            return real(handle, bytes(data)[:9])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(files.os, "write", full)
        with pytest.raises(EvidenceError, match=r"records.jsonl: the disk is full: free space and run again"):
            writer.add("run", {"task": "x" * 9})

    writer.add("run", {"task": "y"})
    assert writer.close({}).checkpoint.records == 3
    assert code(store) == 0


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "state").write_text("")

    with pytest.raises(EvidenceError, match="state: File exists: mend it and run again"):
        Store(tmp_path / "state").begin("site", {})


def test_a_second_place_that_is_away_gets_it_all_later(store: Store, second: FolderPlace) -> None:
    """The run is not lost, the failure is told, nothing is copied twice."""
    closed(store)
    second.folder.rename(second.folder.with_name("away"))
    writer = store.begin("site", {})
    pending = writer.close({}).pending

    assert "1 checkpoint(s) not in the second place" in pending
    assert "mount or make it" in pending
    assert code(store) == 0

    second.folder.with_name("away").rename(second.folder)
    closed(store)

    assert second.fetch() == (store.path / "site.jsonl").read_bytes()


def test_a_new_second_place_gets_the_whole_log(store: Store, tmp_path: Path) -> None:
    """Policy may move it."""
    closed(store)
    (tmp_path / "third").mkdir()
    moved = Store(store.path.parent, FolderPlace(folder=tmp_path / "third", site="base"))
    closed(moved)

    assert moved.place is not None
    assert moved.place.fetch() == (store.path / "site.jsonl").read_bytes()
