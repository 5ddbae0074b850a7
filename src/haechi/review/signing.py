"""From a review on record to sign-offs on record. Nobody's private key is asked for: people sign for themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from haechi import runs, sshsig
from haechi.evidence import FOLDER, single
from haechi.policy.models import Policy
from haechi.review import NAMESPACE, ReviewError, document, rules, stored
from haechi.review.document import Decision, SignOff
from haechi.review.stored import Held, Stored

ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where reviews are signed: a site's state folder, its policy, and who has left."""

    state: Path
    policy: Policy
    revoked: frozenset[str]
    inventory: Path

    @property
    def folder(self) -> Path:
        """Return the evidence folder."""
        return self.state / FOLDER


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A sign-off that was taken. ``lacking`` is whose own access somebody else must still look at."""

    said: SignOff
    run: str
    lacking: tuple[str, ...]
    warning: str


def prepare(desk: Desk, reviewer: str, decisions: Mapping[str, Decision], run: str | None = None) -> SignOff:
    """Return the document that a reviewer signs. ``all`` among the decisions stands for every other open difference.

    Raises ``ReviewError`` where it would be refused once it is signed, and ``EvidenceError``.
    """
    found = stored.sound(desk.folder, run)
    chosen = {name: choice for name, choice in decisions.items() if name != ALL}
    if ALL in decisions:
        chosen = {one.id: decisions[ALL] for _, one in found.review.open()} | chosen
    said = SignOff(
        site=found.review.site,
        review=found.run,
        sha256=found.review.sha256,
        date=_today(),
        reviewer=reviewer,
        decisions=chosen,
    )
    rules.check(_asked(desk, found, _of(desk, found.run)), said)
    return said


def accept(desk: Desk, text: bytes, signature: bytes, run: str | None = None) -> Accepted:
    """Take a signed document into the evidence.

    ``run`` is the review that it must be of, the last if none is named. Raises ``ReviewError`` with the one reason why
    it is refused, and ``EvidenceError``.
    """
    said = document.read(text)
    try:
        fingerprint = sshsig.signer(text, signature, NAMESPACE)
    except sshsig.SignatureError as error:
        raise ReviewError(f"the document was altered, or this signature is not of it: {error}") from error
    owner = rules.owner_of(desk.policy, fingerprint)
    if owner != said.reviewer:
        raise ReviewError(f"the document names {said.reviewer}, and {owner}'s key signed it: each signs for himself")
    found = stored.sound(desk.folder, run)
    held = _of(desk, found.run)
    rules.check(_asked(desk, found, held), said)
    if not sshsig.verified(text, signature, NAMESPACE, owner, stored.public_keys(desk.policy, owner)):
        raise ReviewError(f"the signature is not {owner}'s by the keys in policy")
    kept = {"document": text.decode(), "signature": signature.decode(errors="replace"), "key": fingerprint}
    name, warning = _record(desk, kept)
    signers = {one.said.reviewer for one in held} | {owner}
    return Accepted(said=said, run=name, lacking=rules.lacking(found.review.owners, signers), warning=warning)


def _asked(desk: Desk, found: Stored, held: list[Held]) -> rules.Asked:
    return rules.Asked(
        policy=desk.policy,
        revoked=desk.revoked,
        run=found.run,
        review=found.review,
        today=_today(),
        signed=frozenset(one.said.reviewer for one in held),
    )


def _of(desk: Desk, run: str) -> list[Held]:
    found, _ = stored.sign_offs(desk.folder)
    return [one for one in found if one.said.review == run]


def _record(desk: Desk, body: dict[str, str]) -> tuple[str, str]:
    """Write a run of one sign-off; return its name and what the second place lacks."""
    begun = runs.begin(desk.policy, desk.revoked, desk.state)
    told = ("Accept a sign-off", "haechi review")
    return single.write(stored.VERB, begun, desk.inventory, told, (stored.SIGN_OFF, body))


def _today() -> date:
    return datetime.now(UTC).date()
