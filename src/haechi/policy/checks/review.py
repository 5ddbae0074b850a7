"""Reviews of access: by jobs that exist, and by two people, since nobody reviews himself."""

from __future__ import annotations

from collections.abc import Iterable

from haechi.policy.models import Kind, Policy, State
from haechi.policy.problems import Path, Problem, Where, did_you_mean

HERE: Path = ("review", "jobs")
REGISTER = "access-review"
ENOUGH = 2


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of ``review``; the jobs that it names by default need not all exist."""
    for index, job in enumerate(policy.review.jobs if "jobs" in policy.review.model_fields_set else ()):
        if job not in policy.jobs:
            yield where.problem((*HERE, index), f"job {job} is defined nowhere", did_you_mean(job, policy.jobs))
    for index, register in enumerate(policy.registers):
        if register.id == REGISTER:
            mend = "remove it: `haechi review` proves who signed, and `review: {every_days: 90}` is its period"
            yield where.problem(("registers", index, "id"), f"{REGISTER} is no register", mend)


def reviewers(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield a warning where too few people may sign for a review to be ever complete."""
    people = [who for who in policy.identities if who.kind is Kind.PERSON and who.state is State.ACTIVE]
    may = [who.id for who in people if set(who.jobs) & set(policy.review.jobs)]
    # Whoever has no job at all is being written: his entry is not finished.
    if len(may) < ENOUGH and all(who.jobs for who in people):
        what = f"{' and '.join(may) or 'nobody'} may review access ({', '.join(policy.review.jobs)})"
        yield where.problem(HERE, what, "name jobs of two people: nobody signs for his own access", warning=True)
