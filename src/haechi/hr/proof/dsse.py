"""Signed envelopes: DSSE, Dead Simple Signing Envelope 1.0 (https://github.com/secure-systems-lab/dsse), by Ed25519."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from haechi.evidence import keys
from haechi.hr.proof import ProofError


def sign(key: Ed25519PrivateKey, kind: str, payload: bytes) -> dict[str, Any]:
    """Return the envelope of a payload; ``kind`` is its media type."""
    signature = {"keyid": keys.fingerprint(key.public_key()), "sig": _text(key.sign(encoded(kind, payload)))}
    return {"payload": _text(payload), "payloadType": kind, "signatures": [signature]}


def opened(envelope: Mapping[str, Any], key: Ed25519PublicKey, kind: str) -> bytes:
    """Return the payload of an envelope that the key signed.

    Raises ``ProofError`` for another key, another kind, altered bytes, and what is no envelope.
    """
    try:
        payload = _bytes(envelope["payload"])
        signatures = [_bytes(row["sig"]) for row in envelope["signatures"]]
        told = str(envelope["payloadType"])
    except (KeyError, TypeError, ValueError) as error:
        raise ProofError("it is no DSSE envelope: ask for the bundle again") from error
    # The name of a key in an envelope is a hint that anybody can write there, so it decides nothing.
    if told != kind or not any(_signed(key, signature, encoded(kind, payload)) for signature in signatures):
        raise ProofError(
            f"the key {keys.fingerprint(key)[:16]}.. did not sign this: it was altered, or is another site's"
        )
    return payload


def encoded(kind: str, payload: bytes) -> bytes:
    """Return what a signature is over: PAE, section 3 of DSSE's protocol."""
    name = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


def _signed(key: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        # Both alphabets are allowed (DSSE, "envelope").
        return base64.b64decode(text.translate({ord("-"): "+", ord("_"): "/"}), validate=True)
    except (AttributeError, binascii.Error) as error:
        raise ValueError("no base64") from error
