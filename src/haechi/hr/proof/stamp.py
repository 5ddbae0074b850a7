"""A time stamp over a bundle (RFC 3161): a third party's word for when it was there already."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

import httpx
from cryptography.x509 import Certificate
from rfc3161_client import (
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.tsp import PKIStatus

from haechi.hr.proof import ProofError

PATIENCE_S = 20.0
# A token with its certificates is a few thousand bytes.
LARGEST = 256 * 1024
QUERY = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}


def fetch(authority: str, data: bytes, client: httpx.Client | None = None) -> bytes:
    """Return the response of a time-stamping authority for some bytes (RFC 3161, section 3.4), in DER.

    That it is about these bytes and this request is checked here; who signed it is checked by ``verified``.
    Raises ``ProofError``.
    """
    request = TimestampRequestBuilder().data(data).build()
    try:
        with client or httpx.Client(timeout=PATIENCE_S) as asking:
            answer = asking.post(authority, content=request.as_bytes(), headers=QUERY)
    except httpx.HTTPError as error:
        raise _away(authority, str(error) or type(error).__name__) from error
    if answer.status_code != httpx.codes.OK or len(answer.content) > LARGEST:
        raise _away(authority, f"it answers {answer.status_code} with {len(answer.content)} bytes")
    response = _decoded(answer.content)
    if PKIStatus(response.status) is not PKIStatus.GRANTED:
        raise _away(authority, f"it refuses: {', '.join(response.status_string) or response.status}")
    if response.tst_info.nonce != request.nonce or not _is_about(response, data):
        raise _away(authority, "its stamp is for something else")
    return response.as_bytes()


def verified(stamp: bytes, data: bytes, roots: Sequence[Certificate]) -> datetime:
    """Return the time of a stamp over these very bytes, signed under one of the roots.

    Raises ``ProofError``.
    """
    builder = VerifierBuilder()
    for root in roots:
        builder = builder.add_root_certificate(root)
    response = _decoded(stamp)
    try:
        builder.build().verify_message(response, data)
    except VerificationError as error:
        raise ProofError(f"its time stamp does not hold: {error}") from error
    return response.tst_info.gen_time


def claimed(stamp: bytes, data: bytes) -> datetime:
    """Return the time that a stamp over these very bytes names, whoever signed it. Raises ``ProofError``."""
    response = _decoded(stamp)
    if not _is_about(response, data):
        raise ProofError("its time stamp is for something else: ask for the bundle again")
    return response.tst_info.gen_time


def _decoded(data: bytes) -> TimeStampResponse:
    try:
        return decode_timestamp_response(data)
    except ValueError as error:
        raise ProofError(f"its time stamp cannot be read: {error}") from error


def _is_about(response: TimeStampResponse, data: bytes) -> bool:
    # SHA-512 is what we ask with; a stamp by another digest was not asked for by us.
    return response.tst_info.message_imprint.message == hashlib.sha512(data).digest()


def _away(authority: str, why: str) -> ProofError:
    return ProofError(f"no time stamp from {authority}: {why}: see `hr.timestamp_authority` in policy")
