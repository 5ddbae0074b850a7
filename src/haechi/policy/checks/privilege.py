"""Privilege for a time: approved by jobs that exist, and by enough people beside whoever asks."""

from __future__ import annotations

from collections.abc import Iterable

from haechi.policy.models import Kind, Policy, State
from haechi.policy.problems import Path, Problem, Where, did_you_mean

HERE: Path = ("privilege", "jobs")


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of ``privilege``; the jobs that it names by default need not all exist."""
    for index, job in enumerate(policy.privilege.jobs if "jobs" in policy.privilege.model_fields_set else ()):
        if job not in policy.jobs:
            yield where.problem((*HERE, index), f"job {job} is defined nowhere", did_you_mean(job, policy.jobs))


def approvers(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield a warning where a site that set a quorum has too few people for one of them ever to be granted anything."""
    people = [who for who in policy.identities if who.kind is Kind.PERSON and who.state is State.ACTIVE]
    may = [who.id for who in people if set(who.jobs) & set(policy.privilege.jobs)]
    if policy.privilege.model_fields_set and len(may) <= policy.privilege.quorum:
        what = f"{' and '.join(may) or 'nobody'} may approve, and {policy.privilege.quorum} must, beside whoever asks"
        yield where.problem(HERE, what, "name jobs of more people, or lower `quorum`", warning=True)
