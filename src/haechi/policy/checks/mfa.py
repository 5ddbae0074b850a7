"""Second factors: everybody who logs in has one, or a day until which it may be missing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from haechi.policy import factors
from haechi.policy.models import Factor, Identity, Kind, Policy, State
from haechi.policy.problems import Path, Problem, Where, did_you_mean
from haechi.policy.resolve import keys_of, on_day

HERE: Path = ("mfa",)
# Whoever has not enrolled within a quarter was not asked to.
LONGEST = timedelta(days=90)


def check(policy: Policy, where: Where, *, at: date) -> Iterable[Problem]:
    """Yield problems of factors; ``at`` is today."""
    yield from _names(policy, where)
    yield from _days(policy, where, at)
    standing = on_day(policy, at)
    for index, who in enumerate(standing.identities):
        # Whoever has no key at all is another check's; a lab's keys are made later.
        if who.state is State.ACTIVE and who.jobs and keys_of(standing, who):
            yield from _without(standing, where, ("identities", index), who)


def _names(policy: Policy, where: Where) -> Iterable[Problem]:
    people = {who.id for who in policy.identities if who.kind is Kind.PERSON}
    for name in policy.mfa.people:
        if name not in people:
            what = f"a factor for {name}, who is no person of policy"
            yield where.problem((*HERE, "people", name), what, did_you_mean(name, people))


def _days(policy: Policy, where: Where, at: date) -> Iterable[Problem]:
    days = [((*HERE, "enrol_until"), policy.mfa.enrol_until)]
    days += [((*HERE, "people", name, "enrol_until"), row.enrol_until) for name, row in policy.mfa.people.items()]
    for path, until in days:
        if until is not None and until > at + LONGEST and not where.lab:
            what = f"one factor is enough until {until}, for {(until - at).days} more days"
            yield where.problem(path, what, f"name a day within {LONGEST.days} days", warning=True)


def _without(policy: Policy, where: Where, path: Path, who: Identity) -> Iterable[Problem]:
    lacking = factors.factor_of(policy, who) is Factor.FIDO2 and not factors.has_hardware_key(policy, who)
    if not lacking:
        return
    if who.kind is Kind.SENTINEL and not factors.window_of(policy, who):
        mend = "run `haechi lab up`" if where.lab else "make one: `haechi enrol --sentinel FILE`"
        yield where.problem(path, f"{who.id} has no key of type sk-, so no change could be proven by its login", mend)
    elif not factors.window_of(policy, who):
        what = f"{who.id} has no second factor, and no day until which it may be missing: nobody could log in so"
        mend = (
            "add a key of a FIDO2 device (ssh-keygen -t ed25519-sk -O verify-required), say `factor: totp` under"
            " `mfa: people:`, or set `mfa: enrol_until:`"
        )
        yield where.problem(path, what, mend)
