"""The evidence of a site on disk: runs, each with one writer, objects by digest, the log of checkpoints."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from haechi.evidence import FOLDER, EvidenceError, canonical, chain, checkpoint, files, keys, sitelog
from haechi.evidence.checkpoint import Checkpoint
from haechi.evidence.place import Place

RECORDS, CHECKPOINT, LOG, COPIED = "records.jsonl", "checkpoint.json", "site.jsonl", "copied.json"
_DIGEST = re.compile(r"[0-9a-f]{64}")
# A reader holds its lock for less than a millisecond; a second is patience for many of them.
READERS, PAUSE = 100, 0.01
CUT = "take the disk aside, and see what `haechi evidence verify` says with the second place's file as --anchor"
Clock = Callable[[], datetime]


def utc() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Closed:
    """A run's end. ``pending`` says why the second place lacks it; empty where it has it or policy names none."""

    checkpoint: Checkpoint
    pending: str = ""


class Store:
    """What one site has on record. Every method raises ``EvidenceError`` for what the disk refuses."""

    def __init__(self, state_dir: Path, place: Place | None = None, clock: Clock = utc) -> None:
        """Take the site's state folder, and the second place that policy names; makes nothing yet."""
        self.path = state_dir / FOLDER
        self.place = place
        self.clock = clock

    def begin(self, verb: str, body: Mapping[str, Any], policy: str | None = None) -> RunWriter:
        """Begin a run and write its first record; ``policy`` is the digest of the policy's object."""
        files.folder(self.path.parent)
        for folder in (self.path, self.path / "runs", self.path / "objects"):
            files.folder(folder)
        # Before anything is written: a site whose key is gone must not begin a run that nobody could sign.
        keys.signing_key(self.path)
        now = self.clock()
        name = re.sub(r"[^a-z0-9_]", "_", verb.lower()) or "run"
        run = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{name}-{secrets.token_hex(3)}"
        path = self.path / "runs" / run
        try:
            path.mkdir(mode=0o700)
        except OSError as error:
            raise files.told(path, error) from error
        writer = RunWriter(self, run, policy, hold(path, os.O_CREAT | os.O_EXCL), chain.empty(run))
        writer.add("begin", body)
        return writer

    def put(self, data: bytes) -> str:
        """Keep some bytes under their digest and return it; durable, and written once."""
        name = canonical.digest(data)
        path = self.path / "objects" / name
        files.folder(self.path.parent)
        files.folder(self.path)
        files.folder(path.parent)
        if not path.exists():
            files.swap(path, data)
        return name

    def get(self, name: str) -> bytes:
        """Return the bytes of a digest, checked."""
        if not _DIGEST.fullmatch(name):
            raise EvidenceError(f"{name!r} is no digest of an object")
        path = self.path / "objects" / name
        data = files.read(path)
        if canonical.digest(data) != name:
            raise EvidenceError(f"{path}: altered: it is not what its name says: restore it from backup")
        return data

    def runs(self) -> list[str]:
        """Return the names of all runs, oldest first."""
        folder = self.path / "runs"
        return (
            sorted(entry.name for entry in folder.iterdir() if chain.RUN.fullmatch(entry.name))
            if folder.is_dir()
            else []
        )

    def seal(self, run: str, tail: chain.Tail, policy: str | None) -> Checkpoint:
        """Sign the end of a run as the next checkpoint of the site log, durable when this returns."""
        key = keys.signing_key(self.path)
        with files.locked(self.path / "site.lock"):
            last = sitelog.last(self.path / LOG, key.public_key())
            unsigned = Checkpoint(
                number=last.number + 1 if last else 1,
                run=run,
                records=tail.records,
                head=tail.head,
                at=self.stamp(),
                policy=policy,
                prev_checkpoint=checkpoint.digest(last.line()) if last else checkpoint.GENESIS,
                key="",
            )
            signed = checkpoint.sign(key, unsigned)
            # The log first: a run's own copy that the log does not name is what a cut log looks like (verify).
            files.append(self.path / LOG, signed.line())
            files.sync_folder(self.path)
            files.swap(self.path / "runs" / run / CHECKPOINT, signed.line())
        return signed

    def stamp(self) -> str:
        """Return the time as records carry it."""
        return self.clock().astimezone(UTC).isoformat(timespec="milliseconds")

    def copy(self) -> str:
        """Give the second place every checkpoint that it lacks; return why it could not, in words."""
        if self.place is None:
            return ""
        with files.locked(self.path / "copy.lock"):
            lines = sitelog.lines(self.path / LOG)
            done = sitelog.copied(self.path / COPIED, str(self.place))
            if done > len(lines):
                return f"{self.path / LOG} was cut: {done} checkpoints were copied, here are {len(lines)}: {CUT}"
            lacking = lines[done:]
            if not lacking:
                return ""
            try:
                self.place.append(b"".join(lacking))
            except EvidenceError as error:
                return (
                    f"{len(lacking)} checkpoint(s) not in the second place: {error}. They are safe in {self.path / LOG}"
                    " and are copied at the next checkpoint"
                )
            # After the lines: a crash between sends them twice, which the comparison allows (anchor).
            mark = {"place": str(self.place), "number": len(lines)}
            files.swap(self.path / COPIED, canonical.dumps(mark) + b"\n")
        return ""


class RunWriter:
    """The one writer of a run, in one process. What it wrote before a crash stays readable, and stays unsigned."""

    def __init__(self, store: Store, run: str, policy: str | None, handle: int, tail: chain.Tail) -> None:
        """Take a records file that ``hold`` opened, and where its chain ends."""
        self.run = run
        self.path = store.path / "runs" / run
        self._store, self._policy, self._handle, self._tail = store, policy, handle, tail

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let go of the file; a run that was not closed stays so."""
        self.release()

    def add(self, kind: str, body: Mapping[str, Any]) -> None:
        """Append a record; another process can read it when this returns."""
        try:
            line = chain.link(self._tail, self.run, self._store.stamp(), kind, body)
        except canonical.CanonicalError as error:
            raise EvidenceError(f"{self.path}: a record of kind {kind} cannot be written: {error}") from error
        try:
            files.write_whole(self._handle, line)
        except OSError as error:
            raise files.told(self.path / RECORDS, error) from error
        self._tail = chain.after(self._tail, line)

    def close(self, body: Mapping[str, Any]) -> Closed:
        """Write the last record, sign the run's end, and copy it to the second place."""
        self.add("end", body)
        # On the disk before it is signed: no checkpoint may count records that a power cut took.
        try:
            os.fsync(self._handle)
        except OSError as error:
            raise files.told(self.path / RECORDS, error) from error
        signed = self._store.seal(self.run, self._tail, self._policy)
        self.release()
        return Closed(checkpoint=signed, pending=self._store.copy())

    def resume(self, tail: chain.Tail, size: int, policy: str | None) -> None:
        """Go on after a crash: cut the file to the whole records that ``tail`` counts."""
        try:
            os.ftruncate(self._handle, size)
        except OSError as error:
            raise files.told(self.path / RECORDS, error) from error
        self._tail, self._policy = tail, policy

    def release(self) -> None:
        """Let go of the file; calling it twice does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def hold(path: Path, flags: int = 0) -> int:
    """Open the records of a run for its one writer, who holds a lock as long as he lives.

    Raises ``EvidenceError`` where another process does.
    """
    try:
        handle = os.open(path / RECORDS, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | flags, 0o600)
    except OSError as error:
        raise files.told(path / RECORDS, error) from error
    try:
        _take(handle)
        files.sync_folder(path)
        files.sync_folder(path.parent)
    except BlockingIOError as error:
        os.close(handle)
        words = "another process writes this run, or goes on reading it: wait for its end"
        raise EvidenceError(f"{path}: {words}") from error
    except OSError as error:
        os.close(handle)
        raise files.told(path, error) from error
    return handle


def _take(handle: int) -> None:
    """Lock a run's records for its writer, after readers: they hold a shared lock for a moment (verify).

    Raises ``BlockingIOError`` where a writer holds it, or a reader does not let go.
    """
    # The kernel lets go of a lock with the process, however that dies, so no stale one is left (flock(2)).
    for _ in range(READERS):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        # Beside a reader's lock a shared one is granted, beside a writer's none: nobody waits for a whole run.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(handle, fcntl.LOCK_UN)
        time.sleep(PAUSE)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
