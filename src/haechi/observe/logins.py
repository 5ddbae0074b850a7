"""Who gets in, tried from the control node over new connections: offers of public keys, and the canary's login."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from haechi import hostkeys, offer
from haechi.guard import proofs
from haechi.observe.observation import Kind, Observation
from haechi.policy.models import Policy, State
from haechi.policy.resolve import access_on, keys_of

KEY, LOGIN = "key", "login"


def expected(policy: Policy, host: str, revoked: frozenset[str]) -> dict[str, str]:
    """Return for each identity with a key in policy whether sshd must accept that key on the host."""
    people = [access for access in access_on(policy, host, revoked) if keys_of(policy, access.identity)]
    return {
        access.identity.id: offer.ACCEPTED if access.login and access.state is State.ACTIVE else offer.REFUSED
        for access in people
    }


def knock(way: proofs.Way, host: str, policy: Policy, revoked: frozenset[str], nonce: str) -> list[Observation]:
    """Offer every identity's keys to a host and let the canary log in; all at once."""
    wanted = expected(policy, host, revoked)
    keys = {who.id: keys_of(policy, who) for who in policy.identities if who.id in wanted}
    with ThreadPoolExecutor(1) as pool:
        canary = pool.submit(_canary, way, policy, wanted)
        heard = _offers(way, keys)
        rows = [_row(KEY, who, answer.answer, wanted[who], answer.why) for who, answer in heard.items()]
        rows += canary.result()
    now = datetime.now(UTC)
    return [Observation(kind=Kind.PROBE, subject=host, nonce=nonce, at=now, data=row) for row in rows]


def _offers(way: proofs.Way, keys: Mapping[str, tuple[str, ...]]) -> dict[str, offer.Offer]:
    try:
        return offer.probe(way.common_args, way.host, keys)
    except hostkeys.HostKeyError as error:
        return {who: offer.Offer(offer.UNKNOWN, str(error)) for who in keys}


def _canary(way: proofs.Way, policy: Policy, wanted: Mapping[str, str]) -> Iterable[dict[str, str]]:
    who = next((one.id for one in policy.identities if one.kind == "sentinel" and one.id in wanted), None)
    if who is None or way.sentinel_key is None or not way.sentinel_key.is_file():
        return []
    proof = proofs.sentinel(way, who, way.sentinel_key)
    result = offer.ACCEPTED if proof.ok else offer.UNKNOWN
    return [_row(LOGIN, who, result, wanted[who], "" if proof.ok else proof.seen)]


def _row(what: str, who: str, result: str, wanted: str, why: str) -> dict[str, str]:
    return {"what": what, "who": who, "result": result, "expected": wanted, "why": why}
