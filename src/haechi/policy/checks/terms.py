"""The terms of people's access: first and last day, and until when their training counts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from haechi.policy.models import Identity, Kind, Policy, State
from haechi.policy.problems import Path, Problem, Where
from haechi.policy.resolve import shut_since

AHEAD = timedelta(days=30)
TERMS = ("start", "end", "training_until")


def check(policy: Policy, where: Where, *, at: date) -> Iterable[Problem]:
    """Yield problems of dates; ``at`` is today. Access that dates have shut is a warning: it is shut all the same."""
    for index, identity in enumerate(policy.identities):
        path: Path = ("identities", index)
        if identity.kind is not Kind.PERSON:
            yield from _no_person(where, path, identity)
            continue
        if identity.start is not None and identity.end is not None and identity.end < identity.start:
            what = f"access of {identity.id} ends on {identity.end}, before it starts on {identity.start}"
            yield where.problem((*path, "end"), what, "correct one of the two days")
        elif identity.state is State.ACTIVE:
            yield from _standing(where, path, identity, at)


def _no_person(where: Where, path: Path, identity: Identity) -> Iterable[Problem]:
    for term in TERMS:
        if getattr(identity, term) is not None:
            what = f"{term} of {identity.kind} {identity.id}, which is no person and would shut by itself"
            yield where.problem((*path, term), what, "take it out; say `state: disabled` when it is no longer needed")


def _standing(where: Where, path: Path, identity: Identity, at: date) -> Iterable[Problem]:
    until = identity.training_until
    if identity.end is not None and identity.end < at:
        what = f"access of {identity.id} ended on {identity.end}: the account is shut"
        mend = "say `state: disabled` with `since:`, or write the day to which the contract was prolonged"
        yield where.problem((*path, "end"), what, mend, warning=True)
    elif until is not None and shut_since(identity, at) == until:
        what = f"training of {identity.id} counted until {until}: the account is shut"
        yield where.problem((*path, "training_until"), what, "have it repeated, and write its new day", warning=True)
    elif until is not None and until <= at + AHEAD:
        what = (
            f"training of {identity.id} counts until {until}, {(until - at).days} more days; then the account is shut"
        )
        yield where.problem((*path, "training_until"), what, "have it repeated, and write its new day", warning=True)
