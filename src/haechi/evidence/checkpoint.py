"""The signed end of a run, and the site's log, in which every checkpoint names the one before it. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from haechi.evidence import canonical, keys
from haechi.evidence.chain import RUN, TORN, Fault, Harm, Tail

SCHEMA = 1
GENESIS = canonical.digest(canonical.dumps({"genesis": "haechi site log", "schema": SCHEMA}))


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What is signed when a run ends. ``policy`` is the digest of the policy it was about.

    ``signature`` is over the canonical form of the document without it, ``key`` the SHA-256 of the public key.
    """

    number: int
    run: str
    records: int
    head: str
    at: str
    policy: str | None
    prev_checkpoint: str
    key: str
    signature: str = ""

    @property
    def tail(self) -> Tail:
        """Return where the run's chain must end."""
        return Tail(records=self.records, head=self.head)

    def line(self) -> bytes:
        """Return the checkpoint as one line of the site log."""
        return canonical.dumps({"schema": SCHEMA, **asdict(self)}) + b"\n"

    def signed(self) -> bytes:
        """Return the bytes that the signature is over."""
        document = {"schema": SCHEMA, **asdict(self)}
        del document["signature"]
        return canonical.dumps(document)


def sign(key: Ed25519PrivateKey, unsigned: Checkpoint) -> Checkpoint:
    """Return the checkpoint with key and signature."""
    named = replace(unsigned, key=keys.fingerprint(key.public_key()))
    return replace(named, signature=keys.sign(key, named.signed()))


def parse(line: bytes) -> Checkpoint | None:
    """Return the checkpoint of a line, or None for what is none in canonical form."""
    try:
        document = json.loads(line)
        if document.pop("schema") != SCHEMA:
            return None
        found = Checkpoint(**document)
        whole = found.line().rstrip(b"\n") == line.rstrip(b"\n")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return found if whole and _typed(found) and RUN.fullmatch(found.run) else None


def _typed(found: Checkpoint) -> bool:
    """Return whether every field of what JSON said is of its own type."""
    # Not isinstance: to that a bool is an int, and `true` would be checkpoint 1.
    numbers = all(type(value) is int for value in (found.number, found.records))
    words = (found.run, found.head, found.at, found.prev_checkpoint, found.key, found.signature)
    return numbers and all(isinstance(word, str) for word in words) and isinstance(found.policy, str | None)


def digest(line: bytes) -> str:
    """Return the digest by which the next checkpoint names this one."""
    return canonical.digest(line.rstrip(b"\n"))


def trusted(line: bytes, key: Ed25519PublicKey) -> Checkpoint | None:
    """Return the checkpoint of a line if the key signed it."""
    found = parse(line)
    return found if found and keys.verified(key, found.signed(), found.signature) else None


def verify(lines: Sequence[bytes], key: Ed25519PublicKey) -> tuple[list[Checkpoint], Fault | None]:
    """Return the checkpoints of a site log up to its first fault, and that fault; ``lines`` keep their line feeds."""
    good: list[Checkpoint] = []
    prev = GENESIS
    for index, line in enumerate(lines):
        fault = _fault(lines, index, key, prev)
        if fault:
            return good, fault
        found = trusted(line, key)
        if found:
            good.append(found)
        prev = digest(line)
    return good, None


def _fault(lines: Sequence[bytes], index: int, key: Ed25519PublicKey, prev: str) -> Fault | None:
    number, line = index + 1, lines[index]
    found = parse(line)
    if not line.endswith(b"\n"):
        return Fault(harm=Harm.TRUNCATED, seq=number, line=number, why=TORN)
    if found is None:
        return Fault(harm=Harm.ALTERED, seq=number, line=number, why="the line is no checkpoint")
    if not keys.verified(key, found.signed(), found.signature):
        other = found.key != keys.fingerprint(key)
        why = f"another key signed it ({found.key[:16]}..)" if other else "its signature does not match"
        return Fault(harm=Harm.ALTERED, seq=number, line=number, why=why)
    if found.number != number:
        return _misplaced(lines, index, found.number)
    if found.prev_checkpoint != prev:
        return Fault(harm=Harm.ALTERED, seq=number, line=number, why="it was signed after another checkpoint than this")
    return None


def _misplaced(lines: Sequence[bytes], index: int, seen: int) -> Fault:
    number = index + 1
    if lines[index] in lines[:index]:
        why = f"it stands at line {lines.index(lines[index]) + 1} already"
        return Fault(harm=Harm.DUPLICATED, seq=seen, line=number, why=why)
    later = {found.number for found in map(parse, lines[number:]) if found}
    if number in later:
        why = f"checkpoint {seen} stands here, and checkpoint {number} further down"
        return Fault(harm=Harm.REORDERED, seq=number, line=number, why=why)
    why = f"no checkpoint {number}; checkpoint {seen} follows"
    return Fault(harm=Harm.MISSING, seq=number, line=number, why=why)
