"""What was asked, done, seen and judged: chained, signed, kept in two places, verified offline with one public key.

Layout under the state folder of a site::

    evidence/key  key.pub                    Ed25519, made on first use
    evidence/runs/<run>/records.jsonl        one chain a run, one writer
    evidence/runs/<run>/checkpoint.json      its signed end
    evidence/site.jsonl                      the chain of all checkpoints
    evidence/objects/<sha256>                what records name by digest
"""

from __future__ import annotations

FOLDER = "evidence"


class EvidenceError(Exception):
    """Evidence cannot be written or read; the text says where, why and how to mend it."""
