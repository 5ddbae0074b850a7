"""Who has left: a signed, ever-growing list that is stronger than any people file.

Desired access is policy MINUS tombstones, so the list fails closed: a store that cannot be verified is an
error, never "nobody has left". Numbers only rise; ``tombstones.high`` remembers the highest one seen.
How it is signed says ``haechi.signing``.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from haechi import signing

# 2 added the keys of leavers.
SCHEMA, READ = 2, {1, 2}
NAMESPACE = "haechi-tombstones"
STORE, MARK, KEY = "tombstones.json", "tombstones.high", "tombstone_key"
_ID = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class TombstoneError(Exception):
    """The store cannot be trusted or written; the text says how to mend it."""


@dataclass(frozen=True)
class Tombstone:
    """One person's leaving. ``epoch`` counts employments, 1 is the first; ``keys`` are SHA256 fingerprints."""

    person: str
    epoch: int
    sequence: int
    time: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rehire:
    """The end of a tombstone's force: employment ``epoch`` of the person began."""

    person: str
    epoch: int
    sequence: int
    time: str


@dataclass(frozen=True)
class Store:
    """Everything the signed document says."""

    sequence: int = 0
    issued: str = ""
    tombstones: tuple[Tombstone, ...] = ()
    rehires: tuple[Rehire, ...] = ()

    def epoch(self, person: str) -> int:
        """Return the employment a person is in: 1 until she is hired again."""
        return max((row.epoch for row in self.rehires if row.person == person), default=1)

    def revoked(self) -> frozenset[str]:
        """Return everyone whose present employment has a tombstone."""
        return frozenset(row.person for row in self.tombstones if row.epoch >= self.epoch(row.person))


def revoked(state_dir: Path) -> frozenset[str]:
    """Return the ids of everyone who has left; no store yet means that nobody has."""
    return read(state_dir).revoked()


def read(state_dir: Path) -> Store:
    """Return the verified store; raise ``TombstoneError`` if it was changed, cut, or is older than one seen before."""
    path, mark = state_dir / STORE, _mark(state_dir)
    if not path.exists():
        if mark:
            raise TombstoneError(
                f"{path}: missing, but a list with sequence {mark} was here: restore it from backup"
                f" ({MARK} stays as it is)"
            )
        return Store()
    store = _parse(state_dir, path)
    if store.sequence < mark:
        raise TombstoneError(
            f"{path}: sequence {store.sequence} is older than {mark}, which was seen before (a leaver would return): "
            "restore the newest copy from backup"
        )
    return store


def record(state_dir: Path, person: str, keys: Iterable[str] = (), *, now: datetime | None = None) -> Tombstone:
    """Sign a tombstone for a person with her keys' fingerprints, or return the one she has; durable on return."""
    _checked(person)
    with locked(state_dir):
        store = read(state_dir)
        epoch = store.epoch(person)
        for row in store.tombstones:
            if row.person == person and row.epoch >= epoch:
                return row
        new = Tombstone(person, epoch, store.sequence + 1, _stamp(now), tuple(sorted(set(keys))))
        _write(state_dir, replace(store, tombstones=(*store.tombstones, new)), now)
        return new


def rehire(state_dir: Path, person: str, *, now: datetime | None = None) -> Rehire:
    """Begin a new employment of somebody who left; her tombstone stays on record and loses its force."""
    _checked(person)
    with locked(state_dir):
        store = read(state_dir)
        if person not in store.revoked():
            raise TombstoneError(f"{person} has no tombstone in {state_dir / STORE}: there is nothing to undo")
        new = Rehire(person, store.epoch(person) + 1, store.sequence + 1, _stamp(now))
        _write(state_dir, replace(store, rehires=(*store.rehires, new)), now)
        return new


def is_id(word: str) -> bool:
    """Return whether a word can be somebody's id at all."""
    return _ID.fullmatch(word) is not None


def _checked(person: str) -> None:
    if not is_id(person):
        raise TombstoneError(f"{person!r} is no identity: an id matches {_ID.pattern}, as in identities.yml")


def _stamp(now: datetime | None) -> str:
    return (now or datetime.now(UTC)).isoformat(timespec="seconds")


def _mark(state_dir: Path) -> int:
    path = state_dir / MARK
    try:
        return int(path.read_text())
    except FileNotFoundError:
        return 0
    except ValueError as error:
        raise TombstoneError(f"{path}: not a number: write into it the sequence of {STORE}'s newest backup") from error


def _parse(state_dir: Path, path: Path) -> Store:
    try:
        raw = json.loads(path.read_bytes())
        signature = raw.pop("signature", None)
    except (ValueError, AttributeError) as error:
        raise TombstoneError(f"{path}: no list of tombstones ({error}): restore it from backup") from error
    _verify(state_dir, path, signing.canonical(raw), signature)
    if raw.get("schema") not in READ:
        raise TombstoneError(f"{path}: schema {raw.get('schema')!r}, and this Haechi reads {max(READ)}: update Haechi")
    try:
        return Store(
            int(raw["sequence"]),
            raw["issued"],
            tuple(Tombstone(**{**row, "keys": tuple(row.get("keys", ()))}) for row in raw["tombstones"]),
            tuple(Rehire(**row) for row in raw["rehires"]),
        )
    except (KeyError, TypeError) as error:
        raise TombstoneError(f"{path}: signed, but no list of tombstones ({error}): restore it from backup") from error


def _verify(state_dir: Path, path: Path, text: bytes, signature: object) -> None:
    allowed = state_dir / "allowed_signers"
    if not isinstance(signature, str):
        why = "its signature is missing"
    elif not allowed.is_file():
        why = f"{allowed} is missing"
    elif signing.verified(allowed, NAMESPACE, text, signature):
        return
    else:
        why = "its signature does not match"
    raise TombstoneError(f"{path}: {why}: restore {state_dir} from backup; until then nobody's access can be decided")


def sign(state_dir: Path, namespace: str, body: Mapping[str, Any]) -> bytes:
    """Return a document with its signature by the site's key, which is made on first use; the lock is held.

    Raises ``TombstoneError``.
    """
    _key(state_dir)
    key = state_dir / KEY
    try:
        signature = signing.sign(key, namespace, signing.canonical(body))
    except signing.SigningError as error:
        raise TombstoneError(f"{key}: ssh-keygen cannot sign with it ({error}): restore it") from error
    return f"{json.dumps({**body, 'signature': signature}, sort_keys=True, indent=1)}\n".encode()


def _write(state_dir: Path, store: Store, now: datetime | None) -> None:
    """Sign and swap in one step: text and signature share a file, so a crash leaves the old pair or the new one."""
    newest = max([row.sequence for row in store.tombstones] + [row.sequence for row in store.rehires])
    body = {"schema": SCHEMA, **asdict(replace(store, sequence=newest, issued=_stamp(now)))}
    # The list before its mark: the other way round a crash between would have a good list refused as old.
    signing.swap(state_dir / STORE, sign(state_dir, NAMESPACE, body))
    signing.swap(state_dir / MARK, f"{newest}\n".encode())


def _key(state_dir: Path) -> None:
    key, allowed = state_dir / KEY, state_dir / "allowed_signers"
    if key.exists() and allowed.exists():
        return
    if (state_dir / STORE).exists():
        raise TombstoneError(
            f"{key}: missing beside a signed list: restore it from backup, a new key would orphan the list"
        )
    try:
        public = signing.make(key, NAMESPACE)
    except signing.SigningError as error:
        raise TombstoneError(f"{key}: ssh-keygen cannot make it ({error})") from error
    signing.swap(allowed, signing.allowed(NAMESPACE, public).encode())


@contextmanager
def locked(state_dir: Path) -> Iterator[None]:
    """Hold the state's lock: whoever reads, decides and signs sees what the one before signed."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(state_dir / ".tombstones.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise TombstoneError(
            f"{state_dir}: {error.strerror}: make it writable for the account that runs Haechi"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    except OSError as error:
        raise TombstoneError(f"{state_dir}: {error.strerror}: nothing was recorded; free it and run again") from error
    finally:
        os.close(handle)
