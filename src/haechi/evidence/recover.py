"""Runs that were interrupted: what they wrote is judged and signed, and says that it was interrupted."""

from __future__ import annotations

from haechi.evidence import EvidenceError, chain, files, sitelog
from haechi.evidence.chain import Fault
from haechi.evidence.store import CHECKPOINT, RECORDS, Closed, RunWriter, Store, hold


def seal(store: Store, run: str) -> Closed:
    """Close a run whose writer died; bytes of a record that broke off go into the last record as text.

    What was taken away from an unsigned run before this cannot be known. Raises ``EvidenceError`` for a run that is
    closed, still being written, or broken.
    """
    path = store.path / "runs" / run
    if not chain.RUN.fullmatch(run) or not path.is_dir():
        raise EvidenceError(f"{run}: no such run: `haechi evidence list` names them")
    if (path / CHECKPOINT).exists():
        raise EvidenceError(f"{run}: is closed already")
    writer = RunWriter(store, run, None, hold(path), chain.empty(run))
    with writer:
        lines = sitelog.split(files.read(path / RECORDS))
        torn = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        tail = chain.verify(lines, run)
        if isinstance(tail, Fault) or not lines:
            raise EvidenceError(f"{run}: cannot be sealed: {tail if isinstance(tail, Fault) else 'it has no record'}")
        first = chain.parse(lines[0])
        policy = first["body"].get("policy") if first else None
        writer.resume(tail, sum(map(len, lines)), policy if isinstance(policy, str) else None)
        return writer.close({"interrupted": True, "torn": torn.decode(errors="replace")})
