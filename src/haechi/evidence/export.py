"""A dated part of the evidence for somebody else: the same bytes, and a signed list of them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from haechi.evidence import EvidenceError, canonical, files, keys, sitelog
from haechi.evidence.store import CHECKPOINT, LOG, RECORDS

LIST = "export.json"
SCHEMA = 1
_NAMED = re.compile(rb'"([0-9a-f]{64})"')


@dataclass(frozen=True, kw_only=True)
class Said:
    """What an export says of itself, and what of that does not hold."""

    begin: date
    end: date
    faults: tuple[tuple[str, str], ...]


def write(folder: Path, begin: date, end: date, out: Path) -> int:
    """Copy the runs that began from one day to another, the objects they name, the site log and the public key.

    Returns the number of runs. Raises ``EvidenceError``, also where ``out`` holds something already.
    """
    runs = [path for path in sorted((folder / "runs").glob("*")) if begin <= (sitelog.day(path.name) or begin) <= end]
    names = [LOG, keys.PUBLIC]
    for run in runs:
        names += [f"runs/{run.name}/{name}" for name in (RECORDS, CHECKPOINT) if (run / name).is_file()]
        names += [name for name in _objects(folder, run) if name not in names]
    try:
        out.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        raise EvidenceError(f"{out}: is there already: name a folder that is not") from error
    except OSError as error:
        raise files.told(out, error) from error
    listed = {name: _copy(folder / name, out / name) for name in names if (folder / name).is_file()}
    said = {"schema": SCHEMA, "from": begin.isoformat(), "to": end.isoformat(), "files": listed}
    signature = keys.sign(keys.signing_key(folder), canonical.dumps(said))
    files.swap(out / LIST, canonical.dumps({**said, "signature": signature}) + b"\n")
    return len(runs)


def read(folder: Path, key: Ed25519PublicKey) -> Said | None:
    """Return what an export says of itself, or None for a folder that is none.

    Raises ``EvidenceError`` for a list that cannot be read.
    """
    path = folder / LIST
    if not path.is_file():
        return None
    try:
        said = json.loads(files.read(path))
        signature = said.pop("signature", None)
        begin, end = date.fromisoformat(said["from"]), date.fromisoformat(said["to"])
        listed = {str(name): str(digest) for name, digest in said["files"].items()}
        signed = keys.verified(key, canonical.dumps(said), signature)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceError(f"{path}: cannot be read ({error}): ask for the export again") from error
    faults = [] if signed else [(LIST, "altered: the key did not sign it")]
    faults += [fault for name, digest in listed.items() if (fault := _fault(folder, name, digest))]
    faults += [(name, "added: the export's list does not name it") for name in _files(folder) if name not in listed]
    return Said(begin=begin, end=end, faults=tuple(faults))


def _objects(folder: Path, run: Path) -> list[str]:
    lines = sitelog.lines(run / RECORDS)
    found = sorted({name.decode() for name in _NAMED.findall(lines[0])}) if lines else []
    return [f"objects/{name}" for name in found if (folder / "objects" / name).is_file()]


def _copy(source: Path, target: Path) -> str:
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o600)
    except OSError as error:
        raise files.told(target, error) from error
    was, became = (canonical.digest(files.read(path)) for path in (source, target))
    if was != became:
        raise EvidenceError(f"{target}: is not what {source} is: a run is being written, or a disk fails: export again")
    return was


def _fault(folder: Path, name: str, digest: str) -> tuple[str, str] | None:
    path = folder / name
    if not path.is_file():
        return name, "missing: the export's list names it"
    return None if canonical.digest(files.read(path)) == digest else (name, "altered after the export")


def _files(folder: Path) -> Iterable[str]:
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and name != LIST:
            yield name
