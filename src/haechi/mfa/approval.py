"""A lost device: another person says that this one may be enrolled again, in a signed document that counts once."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, ValidationError

from haechi.evidence import files
from haechi.mfa import NAMESPACE, EnrolError
from haechi.mfa.desk import Desk
from haechi.policy.models import Kind, Policy, State
from haechi.policy.resolve import keys_of
from haechi.policy.shape import IdentityId, Line, Model
from haechi.review import ReviewError, rules
from haechi.sshsig import SignatureError, signer, verified

LASTS = timedelta(hours=24)
USED = "enrol-approvals"
SPENT = "it was used already: each counts once"


class Approval(Model):
    """What the other person signs."""

    version: Literal[1] = 1
    site: Line
    person: IdentityId
    by: IdentityId
    reason: Line
    at: AwareDatetime


def check(desk: Desk, text: bytes, signature: bytes, namespace: str = NAMESPACE) -> Approval:
    """Return the approval that a signed document gives for enrolling the desk's person again.

    ``namespace`` is what it was signed for: one for codes of SSH approves no profile of the VPN.
    Raises ``EnrolError`` with the one reason why it gives none.
    """
    policy, person = desk.policy, desk.person
    try:
        said = Approval.model_validate_json(text)
        owner = rules.owner_of(policy, signer(text, signature, namespace))
    except (ValidationError, ReviewError, SignatureError) as error:
        raise EnrolError(f"the approval was altered, or this signature is not of it: {error}") from error
    who = next((one for one in policy.identities if one.id == owner), None)
    reasons = {
        f"the document names {said.by}, and {owner}'s key signed it": owner != said.by,
        f"it is for {said.person} at {said.site}": (said.person, said.site) != (person, policy.site.name),
        f"{owner} asks for himself: another person must approve": owner == person,
        f"{owner} may not approve: one of {', '.join(policy.review.jobs)} may": not _may(policy, desk.revoked, owner),
        f"it is of {said.at:%Y-%m-%d %H:%M}, and counts for a day": not _recent(said.at),
        SPENT: _digest(text) in _used(desk.state),
    }
    refused = [reason for reason, holds in reasons.items() if holds]
    if refused:
        raise EnrolError(f"the approval does not count: {refused[0]}")
    if who is None or not verified(text, signature, namespace, owner, keys_of(policy, who)):
        raise EnrolError(f"the approval's signature is not {owner}'s by the keys in policy")
    return said


def spend(state: Path, text: bytes) -> None:
    """Note that an approval was used, durable on return.

    Raises ``EnrolError`` where another enrolment used it since ``check``, ``EvidenceError`` where it cannot be noted.
    """
    with files.locked(state / f"{USED}.lock"):
        used = _used(state)
        if _digest(text) in used:
            raise EnrolError(f"the approval does not count: {SPENT}")
        files.swap(state / USED, "".join(f"{one}\n" for one in [*used, _digest(text)]).encode())


def _may(policy: Policy, revoked: frozenset[str], name: str) -> bool:
    found = next((one for one in policy.identities if one.id == name), None)
    stands = found is not None and found.kind is Kind.PERSON and found.state is State.ACTIVE and name not in revoked
    return stands and found is not None and bool(set(found.jobs) & set(policy.review.jobs))


def _recent(moment: datetime) -> bool:
    return timedelta() <= datetime.now(UTC) - moment < LASTS


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _used(state: Path) -> list[str]:
    path = state / USED
    return path.read_text().split() if path.is_file() else []
