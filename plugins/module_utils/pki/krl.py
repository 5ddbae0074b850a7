"""A key revocation list: built from its text, read back, and never put in place before it says what it should.

sshd reads it at each login and refuses every key of everybody while it is missing or damaged (sshd_config(5),
RevokedKeys), so a new one is written beside the old, read back, synced and swapped.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.pki.certificate import CertificateError, keygen

FOLDER = "/etc/ssh/haechi"
USER_CA, LIST, KRL = f"{FOLDER}/user_ca.pub", f"{FOLDER}/revoked", f"{FOLDER}/revoked.krl"
_NUMBER = re.compile(r"list (\d+)$")


def rows(text: str) -> frozenset[str]:
    """Return the entries of a list's text, or of what ``ssh-keygen -Q -l`` prints, in one form.

    A fingerprint is base64 in the first and hexadecimal in the second.
    """
    return frozenset(_rows(text))


def _rows(text: str) -> Iterator[str]:
    for line in text.splitlines():
        word, _, value = line.strip().partition(": ")
        if word == "id":
            yield f"id: {value}"
        elif word == "hash" and value.startswith("SHA256:"):
            yield f"hash: {_hexadecimal(value.removeprefix('SHA256:'))}"


def _hexadecimal(value: str) -> str:
    if re.fullmatch(r"[0-9a-f]{64}", value):
        return value
    try:
        return base64.b64decode(f"{value}{'=' * (-len(value) % 4)}", validate=True).hex()
    except binascii.Error:
        return value


def entries(path: str = KRL) -> frozenset[str] | None:
    """Return what a list on the host revokes; None where sshd could not read it."""
    try:
        return rows(keygen("-Q", "-l", "-f", path))
    except CertificateError:
        return None


def build(text: str, user_ca: str, path: str = KRL) -> None:
    """Put the list of a text in place, in one step.

    Raises ``CertificateError`` where it cannot be built, or would not say what the text says.
    """
    import tempfile  # noqa: PLC0415 -- slow to begin, and seldom asked

    with tempfile.TemporaryDirectory() as folder:
        spec, ca, made = (Path(folder) / name for name in ("spec", "ca.pub", "krl"))
        spec.write_text(text, encoding="ascii")
        ca.write_text(f"{user_ca}\n", encoding="ascii")
        number = _NUMBER.search(text.partition("\n")[0])
        # An id is one authority's, which -s names; -z is here the number of the list (ssh-keygen(1)).
        keygen("-q", "-k", "-f", str(made), "-s", str(ca), "-z", number.group(1) if number else "0", str(spec))
        if entries(str(made)) != rows(text):
            raise CertificateError("ssh-keygen made a list that does not say what it should; the old one stays")
        files.write(path, made.read_bytes(), mode=0o644, uid=0, gid=0)
