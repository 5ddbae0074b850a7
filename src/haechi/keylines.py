"""Lines of public keys, whatever stands before or behind the key."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator


def fingerprints(lines: Iterable[str]) -> Iterator[str]:
    """Yield the SHA256 fingerprint of each public key line, as ssh-keygen prints it."""
    for line in lines:
        for word in line.split():
            try:
                blob = base64.b64decode(word, validate=True)
            except (binascii.Error, ValueError):
                continue
            # A key's blob begins with the length of its type's name (RFC 4253 section 6.6).
            if blob[:3] == b"\0\0\0" and blob[3:4]:
                yield "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
                break
