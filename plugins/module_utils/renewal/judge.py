"""Whether a host gets what it asks for: the same names for a new key, and only for whoever has the key in use.

What a stranger sent is read by openssl as ``reader``, an account without rights, until its signature is proven.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.pki import x509
from ansible_collections.haechi.guard.plugins.module_utils.pki.x509 import Seen, X509Error
from ansible_collections.haechi.guard.plugins.module_utils.renewal.request import Asked

# The head of a P-256 key in base64 (RFC 5480, 2.1.1): what this release makes, and nothing weaker is signed.
P256 = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"


class StrangerError(Exception):
    """Whoever asks has not proven that he is a host of ours; the text says what was wrong."""


class RefusedError(Exception):
    """A host of ours asks for what it must not get; the text says whose certificate asked for what."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What may be signed: the row of policy, the certificate in use, and the public key to certify."""

    row: Mapping[str, Any]
    seen: Seen
    public: str


def judge(asked: Asked, rows: Iterable[Mapping[str, Any]], *, issuing: str, root: str, reader: str | None) -> Judged:
    """Return what may be signed.

    Raises ``StrangerError`` or ``RefusedError``.
    """
    seen = _proven(asked, issuing=issuing, root=root, reader=reader)
    who = f"{', '.join(seen.names) or 'nobody'} (certificate {seen.serial})"
    row = next((row for row in rows if row["name"] == asked.name and is_of(seen, row)), None)
    if row is None:
        raise RefusedError(f"{who} asks for {asked.name[:40]!r}, which policy does not give it: run site.yml")
    try:
        shown = x509.openssl("req", "-noout", "-subject", "-pubkey", "-text", "-nameopt", "RFC2253", text=asked.csr)
    except X509Error as error:
        raise RefusedError(f"{who} sent no request of a key: {error}") from error
    return Judged(row=row, seen=seen, public=_key_of(shown, row, who))


def is_of(seen: Seen, row: Mapping[str, Any]) -> bool:
    """Return whether a certificate says what a row of policy says, no more and no less."""
    uses = tuple(sorted(x509.USES[row["use"]].split(",")))
    return (seen.names, seen.addresses, seen.uses) == (tuple(row["names"]), tuple(row["addresses"]), uses)


def _proven(asked: Asked, *, issuing: str, root: str, reader: str | None) -> Seen:
    """Return the certificate in use: signed by us, in its time, and its key signed the request."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        # A temporary folder is its maker's alone (mkdtemp(3)), and the reader is another account.
        place.chmod(0o755)
        texts = {"leaf": asked.leaf, "issuing": issuing, "root": root}
        for name, text in texts.items():
            (place / name).write_text(text, encoding="ascii")
        (place / "signature").write_bytes(asked.signature)
        chain = ("-CAfile", str(place / "root"), "-untrusted", str(place / "issuing"), str(place / "leaf"))
        try:
            x509.openssl("verify", "-x509_strict", *chain, user=reader)
            seen = x509.read(asked.leaf, user=reader)
            (place / "public").write_text(seen.public, encoding="ascii")
            by = ("-verify", str(place / "public"), "-signature", str(place / "signature"))
            x509.openssl("dgst", "-sha256", *by, text=asked.body, user=reader)
        except X509Error as error:
            raise StrangerError(_last(str(error))) from error
    return seen


def _last(words: str) -> str:
    """Return what openssl says of a chain, or of a signature, without the names of files."""
    told = re.search(r"error \d+ at \d+ depth lookup: ?(.+)", words)
    return told[1] if told else words.splitlines()[0][:200]


def _key_of(shown: str, row: Mapping[str, Any], who: str) -> str:
    subject = re.search(r"(?m)^subject=\s*(.*)$", shown)
    if subject is None or subject[1].strip() != f"CN={row['names'][0]}":
        raise RefusedError(f"{who} asks in the name of {subject[1].strip()[:80] if subject else 'nobody'}")
    more = {*re.findall(r"DNS:([^\s,]+)", shown), *re.findall(r"IP Address:([^\s,]+)", shown)}
    if wrong := sorted(more - {*row["names"], *row["addresses"]}):
        raise RefusedError(f"{who} asks for {', '.join(wrong)[:80]} beside its own names")
    public = re.search(r"-----BEGIN PUBLIC KEY-----\n([^-]+)-----END PUBLIC KEY-----\n", shown)
    if public is None or not public[1].replace("\n", "").startswith(P256):
        raise RefusedError(f"{who} asks for a key that is not of the curve P-256")
    return public[0]
