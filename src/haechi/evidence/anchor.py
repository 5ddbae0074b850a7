"""The site log held against its copy in the second place. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from haechi.evidence import checkpoint, keys


@dataclass(kw_only=True)
class Compared:
    """What the copy says of the log: ``upto`` is the last checkpoint that both hold."""

    upto: int = 0
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def compare(log: Sequence[bytes], copy: Sequence[bytes], key: Ed25519PublicKey) -> Compared:
    """Return how the log differs from its copy.

    A line may stand in the copy twice (a copying whose answer was lost is done again) and its beginning may stand
    there alone (a copying that broke off); every other difference is a fault.
    """
    said, whole = Compared(), {line.rstrip(b"\n") for line in log}
    held: set[int] = set()
    lost: set[int] = set()
    for at, raw in enumerate(copy, start=1):
        line = raw.rstrip(b"\n")
        point = checkpoint.parse(line)
        if not line:
            continue
        if point is None:
            _unread(said, at, line, whole)
        elif not keys.verified(key, point.signed(), point.signature):
            other = "another key signed it" if point.key != keys.fingerprint(key) else "its signature does not match"
            said.faults.append(f"line {at}: checkpoint {point.number}: {other}")
        elif line in whole:
            held.add(point.number)
        elif point.number > len(log):
            lost.add(point.number)
        else:
            said.faults.append(
                f"line {at}: checkpoint {point.number} of {point.run} is signed, and the log has another"
            )
    if lost:
        said.faults.append(f"the site log was cut: it ends at {len(log)}, the copy goes on to {max(lost)}")
    said.upto = max(held | lost, default=0)
    missing = sorted(set(range(1, said.upto + 1)) - held - lost)
    if missing and not said.faults:
        said.faults.append(f"the copy lacks checkpoint {missing[0]}: it was cut, or begun anew")
    return said


def _unread(said: Compared, at: int, line: bytes, whole: set[bytes]) -> None:
    if any(known.startswith(line) for known in whole):
        said.notes.append(f"line {at} of the copy breaks off; what it began stands whole elsewhere")
        return
    try:
        number = json.loads(line)["number"]
    except (ValueError, KeyError, TypeError, RecursionError):
        number = "?"
    said.faults.append(f"line {at}: altered: no checkpoint ({number}) in its one form")
