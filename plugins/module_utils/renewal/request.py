"""A request for a new certificate: signed by the key of the one in use, so that nothing secret travels either way.

``{"body": text, "signature": base64}`` on one line, where the body is ``{schema, at, name, csr, leaf}`` and the answer
``{"certificate": PEM}`` or ``{"refused": reason}``. The proof is that of a key update in CMP (RFC 9810, 5.3.5): whoever
has the old key may have the new one certified under the same names. What is played again certifies the same key again.
"""

from __future__ import annotations

import base64
import binascii
import json
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.pki import x509

SCHEMA = 1
MOST = 1 << 15
# Hosts without a time server differ by minutes; what is older was kept by somebody.
SKEW = timedelta(minutes=10)


class RequestError(ValueError):
    """There is no request that could be answered, or no answer that could be used; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came; ``leaf`` and ``csr`` are PEM, ``body`` is what ``signature`` is over."""

    name: str
    csr: str
    leaf: str
    body: str
    signature: bytes


def build(*, name: str, csr: str, leaf: str, key: str, at: datetime) -> bytes:
    """Return a request as it is sent, signed with the private key in a file.

    Raises ``X509Error`` where openssl cannot sign.
    """
    row = {"schema": SCHEMA, "at": at.isoformat(timespec="seconds"), "name": name, "csr": csr, "leaf": leaf}
    # Travels as text: over parsed JSON a signature would depend on how either side writes it again.
    body = json.dumps(row, sort_keys=True)
    with tempfile.NamedTemporaryFile() as made:
        x509.openssl("dgst", "-sha256", "-sign", key, "-out", made.name, text=body)
        signature = base64.b64encode(Path(made.name).read_bytes()).decode()
    return (json.dumps({"body": body, "signature": signature}) + "\n").encode()


def parse(data: bytes, now: datetime) -> Asked:
    """Return a request; nothing in it is believed yet.

    Raises ``RequestError`` for what is none, of another form, or of another time.
    """
    if len(data) > MOST:
        raise RequestError(f"more than {MOST} bytes are no request")
    row, body, signature = _opened(data)
    if row.get("schema") != SCHEMA:
        raise RequestError(f"its schema is {str(row.get('schema'))[:20]!r}, and this host reads {SCHEMA}: run site.yml")
    texts = [row.get(word) for word in ("name", "csr", "leaf", "at")]
    if not all(isinstance(text, str) and text.isascii() for text in texts):
        raise RequestError("it has another form than this host reads")
    try:
        off = abs(datetime.fromisoformat(row["at"]) - now)
    except (ValueError, TypeError) as error:
        raise RequestError("it does not say when it was made") from error
    if off > SKEW:
        raise RequestError(f"it was made at {row['at']}, and the clock here says {now:%Y-%m-%d %H:%M} UTC")
    return Asked(name=row["name"], csr=row["csr"], leaf=row["leaf"], body=body, signature=signature)


def _opened(data: bytes) -> tuple[dict[str, Any], str, bytes]:
    try:
        sent = json.loads(data.decode("ascii"))
        body, signature = sent["body"], base64.b64decode(sent["signature"], validate=True)
        row = json.loads(body)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise RequestError("it is cut short, or no request") from error
    if not isinstance(row, dict):
        raise RequestError("it is no request")
    return row, body, signature
