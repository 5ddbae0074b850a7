"""Shared secrets: each once, known to somebody who exists."""

from __future__ import annotations

from collections.abc import Iterable

from haechi.policy.models import Kind, Policy
from haechi.policy.problems import Path, Problem, Where, did_you_mean


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of ``shared_secrets``. People who have left may stand there: they knew it."""
    people = {who.id for who in policy.identities if who.kind is Kind.PERSON}
    first: dict[str, int] = {}
    for index, secret in enumerate(policy.shared_secrets):
        path: Path = ("shared_secrets", index)
        if first.setdefault(secret.name, index) != index:
            yield where.problem((*path, "name"), f"secret {secret.name} stands twice", "give each its own name")
        if not (secret.jobs or secret.people):
            what = f"nobody knows secret {secret.name}, so no leaving would have it changed"
            yield where.problem(path, what, "name the jobs or the people who know it")
        for field, names, known in (("jobs", secret.jobs, set(policy.jobs)), ("people", secret.people, people)):
            for number, name in enumerate(names):
                if name not in known:
                    what = f"{name} is no {'job' if field == 'jobs' else 'person'} of policy"
                    yield where.problem((*path, field, number), what, did_you_mean(name, known))
