"""Security Event Tokens (RFC 8417), pushed (RFC 8935) or polled (RFC 8936): CAEP, RISC and SCIM's own (RFC 9967).

``RefusedError.title`` is the error code that RFC 8935, section 2.4, answers with.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import Key

from haechi.hr.envelope import Envelope
from haechi.hr.signals import Reading, RefusedError, Signal
from haechi.hr.sources import events, plainjson, subjects, words
from haechi.hr.sources.secrets import Secrets
from haechi.policy.provisioning import Source

HEADERS: tuple[str, ...] = ()
MEDIA_TYPE = "application/secevent+jwt"
# A transmitter keeps what was not taken for days; a replay is known by its `jti` however old it is.
OLDEST = timedelta(days=30)
# One message is about one person: SSF lets a token hold several events only if they are of one cause (SSF 1.0, 4.1.2).
MOST_EVENTS = 16
INVALID = "invalid_request"


class _Registry(jws.JWSRegistry):
    # Some send their certificates along (`x5c`); they are not looked at.
    max_header_length = 16 * 1024

    def get_alg(self, name: str) -> JWSAlgModel:
        """Return an algorithm of policy, which alone decides: the library warns of "EdDSA" (RFC 9864)."""
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


def unique(envelope: Envelope) -> str:
    """Return what the issuer calls a token that was verified."""
    claims = plainjson.read_object(_apart(envelope.body.strip()).payload or b"")
    return f"{claims['iss']}\0{claims['jti']}"


def read(envelope: Envelope, source: Source, secrets: Secrets, at: datetime, zone: ZoneInfo) -> Reading:
    """Return what a token says, once its signature, issuer, audience and times hold.

    Raises ``RefusedError`` and as ``Secrets`` does.
    """
    del zone
    try:
        claims = plainjson.read_object(_payload(envelope.body.strip(), source, secrets))
    except RefusedError as error:
        if error.title != plainjson.TITLE:
            raise
        raise RefusedError(400, INVALID, error.detail) from error
    _check(claims, source, at)
    return Reading(signals=tuple(_signals(claims, source)))


def _payload(token: bytes, source: Source, secrets: Secrets) -> bytes:
    """Return the payload of a token that one of the issuer's keys signed."""
    found = _apart(token)
    key = _key(found.headers(), source, secrets)
    registry = _Registry(algorithms=_algorithms(source), strict_check_header=False)
    try:
        signed = jws.validate_compact(found, key, registry=registry)
    except (JoseError, ValueError, TypeError):
        signed = False
    if not signed:
        why = "the signature is not that of the issuer's key over this token"
        raise RefusedError(400, "authentication_failed", why)
    return found.payload or b""


def _apart(token: bytes) -> jws.CompactSignature:
    try:
        return jws.extract_compact(token, None, _Registry())
    except (JoseError, ValueError, TypeError) as error:
        raise RefusedError(400, INVALID, "the body is no signed JWT in compact form (RFC 8417, section 2.3)") from error


def _key(header: dict[str, Any], source: Source, secrets: Secrets) -> Key:
    kind = str(header.get("typ", "")).lower().removeprefix("application/")
    if kind != "secevent+jwt":
        raise RefusedError(400, INVALID, "the header's `typ` is not secevent+jwt (RFC 8417, section 2.3)")
    if header.get("alg") not in _algorithms(source):
        allowed = ", ".join(source.algorithms)
        raise RefusedError(400, "invalid_key", f"the header's `alg` is not one that counts here: {allowed}")
    name = header.get("kid")
    key = secrets.keys(source).find(name if isinstance(name, str) else None)
    if key is None:
        raise RefusedError(400, "invalid_key", "the header's `kid` names no key of the issuer's JWKS")
    return key


def _algorithms(source: Source) -> tuple[str, ...]:
    return (*source.algorithms, "Ed25519") if "EdDSA" in source.algorithms else source.algorithms


def _check(claims: dict[str, Any], source: Source, at: datetime) -> None:
    if source.issuer is None or claims.get("iss") != source.issuer:
        raise RefusedError(400, "invalid_issuer", f"`iss` is not the issuer that policy names: {source.issuer}")
    audience = claims.get("aud")
    if source.audience is None or source.audience not in (audience if isinstance(audience, list) else [audience]):
        raise RefusedError(400, "invalid_audience", f"`aud` does not name this site: {source.audience}")
    if words.line(claims.get("jti")) is None:
        raise RefusedError(400, INVALID, "`jti` is missing: each token needs a name of its own")
    issued = _time(claims, "iat")
    if issued is None:
        raise RefusedError(400, INVALID, "`iat` is missing: say when the token was issued")
    if not at - OLDEST <= issued <= at + words.SKEW:
        raise RefusedError(400, INVALID, "`iat` is in the future or older than 30 days: check the clock")
    ends = _time(claims, "exp")
    if ends is not None and ends <= at:
        raise RefusedError(400, INVALID, "`exp` is over")


def _time(claims: dict[str, Any], name: str) -> datetime | None:
    """Return a claim's NumericDate (RFC 7519, section 2)."""
    value = claims.get(name)
    if value is None:
        return None
    refused = RefusedError(400, INVALID, f"`{name}` is no number of seconds since 1970")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise refused from error


def _signals(claims: dict[str, Any], source: Source) -> Iterator[Signal]:
    found = claims.get("events")
    if not isinstance(found, dict) or not found:
        raise RefusedError(400, INVALID, "`events` is missing or empty")
    if len(found) > MOST_EVENTS:
        raise RefusedError(400, INVALID, f"`events` holds more than {MOST_EVENTS}: send a token for each person")
    for name, event in found.items():
        if not isinstance(event, dict):
            raise RefusedError(400, INVALID, "an event in `events` is no object")
        subject = subjects.of(claims, event)
        yield Signal(
            act=events.act(name, event, claims, freezes=source.freezes),
            subject=subject,
            reason=f"{events.called(name)}, says {source.issuer}",
        )
