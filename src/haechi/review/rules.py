"""Who may sign which review, and when a review is signed by enough people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from haechi.policy.models import Identity, Kind, Policy, State
from haechi.policy.resolve import keys_of, owners
from haechi.review import ReviewError
from haechi.review.document import SignOff
from haechi.review.model import Review

SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is judged: a sign-off of a review of a run, under policy as it is now. ``signed`` is who did so already."""

    policy: Policy
    revoked: frozenset[str]
    run: str
    review: Review
    today: date
    signed: frozenset[str] = frozenset()


def check(asked: Asked, said: SignOff) -> None:
    """Raise ``ReviewError`` with the one reason why a document may not stand."""
    _same(asked, said)
    reviewer(asked, said.reviewer)
    _whole(asked.review)
    _not_himself(asked.review, said.reviewer)
    _decided(asked.review, said)
    _in_time(asked, said)
    if said.reviewer in asked.signed:
        raise ReviewError(f"{said.reviewer} has signed {asked.run} already: one signature of each person counts")


def reviewer(asked: Asked, name: str) -> Identity:
    """Return a person who may review. Raises ``ReviewError`` for anybody else."""
    who = next((one for one in asked.policy.identities if one.id == name), None)
    if who is None or who.kind is not Kind.PERSON:
        raise ReviewError(f"unknown signer: {name} is no person of policy")
    if name in asked.revoked or who.state is not State.ACTIVE:
        raise ReviewError(f"{name} has left or is disabled: somebody who works here signs")
    if not set(who.jobs) & set(asked.policy.review.jobs):
        may = ", ".join(asked.policy.review.jobs)
        raise ReviewError(f"{name} ({', '.join(who.jobs) or 'no job'}) may not review: policy leaves that to {may}")
    if not keys_of(asked.policy, who):
        raise ReviewError(f"{name} has no key in policy to sign with: add it to keys.yml")
    return who


def owner_of(policy: Policy, fingerprint: str) -> str:
    """Return whose key it is. Raises ``ReviewError`` where nobody's in policy."""
    who = owners(policy).get(fingerprint, ())
    if not who:
        raise ReviewError(f"unknown signer: {fingerprint} is nobody's key in policy")
    return who[0]


def lacking(people: Iterable[str], signers: Iterable[str]) -> tuple[str, ...]:
    """Return whose own access nobody else has looked at: nobody's signature counts for himself."""
    signers = set(signers)
    return tuple(person for person in people if not signers - {person}) if signers else tuple(people)


def _same(asked: Asked, said: SignOff) -> None:
    if said.site != asked.review.site:
        raise ReviewError(f"it signs a review of site {said.site}, and this is {asked.review.site}")
    if said.review != asked.run:
        raise ReviewError(f"it signs another review, {said.review}; this is {asked.run}")
    if said.sha256 != asked.review.sha256:
        raise ReviewError(
            f"it signs other rows ({said.sha256[:16]}) than those on record of {asked.run} ({asked.review.sha256[:16]})"
        )


def _whole(review: Review) -> None:
    blind = [host for host, sections in review.unseen.items() if "host" in sections]
    if review.left_out or blind or not review.rows:
        unseen = ", ".join((*review.left_out, *blind)) or "any host"
        raise ReviewError(f"not seen: {unseen}: run playbooks/review.yml again when every host answers, and sign that")


def _not_himself(review: Review, name: str) -> None:
    mine = [f"{one.id} ({row.account} on {row.host})" for row, one in review.open() if row.owner == name]
    if mine:
        raise ReviewError(
            f"{name}'s own access is among the differences: {_listed(mine)}: another signs, or it is mended first"
        )
    if all(row.owner == name for row in review.rows if row.owner):
        raise ReviewError(f"{name} would sign for himself: the review holds nobody else's access")


def _decided(review: Review, said: SignOff) -> None:
    told: Mapping[str, str] = {
        one.id: f"{one.id} ({row.account} on {row.host}: {one.kind} {one.what} {one.item})"
        for row, one in review.open()
    }
    undecided = [text for name, text in told.items() if name not in said.decisions]
    if undecided:
        raise ReviewError(
            f"no decision on {_listed(undecided)}: give --decide ID=correct|allow|investigate:WHY for each"
        )
    strange = sorted(set(said.decisions) - set(told))
    if strange:
        raise ReviewError(f"a decision on {', '.join(strange)}, which is no open difference of this review")


def _in_time(asked: Asked, said: SignOff) -> None:
    made = datetime.fromisoformat(asked.review.at).date()
    last = made + timedelta(days=asked.policy.review.sign_within_days)
    if not made <= said.date <= asked.today:
        raise ReviewError(f"it is dated {said.date}; the review was made on {made}, and today is {asked.today}")
    if asked.today > last:
        raise ReviewError(f"{asked.run} had to be signed by {last}: run playbooks/review.yml again, and sign that")


def _listed(texts: list[str]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
