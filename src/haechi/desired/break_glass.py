"""The sealed account of one host: none where policy names no holders, or nothing was sealed yet."""

from __future__ import annotations

from haechi.policy.models import Policy, State
from haechi.policy.resolve import access_on
from haechi.seal.store import Seal


def build(policy: Policy, host: str, revoked: frozenset[str], seal: Seal | None) -> dict[str, object] | None:
    """Return account and hash of its password; JSON-able, and for the host's own eyes."""
    if policy.break_glass is None or seal is None:
        return None
    here = {access.identity.id for access in access_on(policy, host, revoked) if access.state is State.ACTIVE}
    return {"account": seal.account, "hash": seal.hash} if seal.account in here else None
