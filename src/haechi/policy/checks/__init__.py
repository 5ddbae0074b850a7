"""What a policy means across its files: each topic a pure function over the typed policy."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import partial

from haechi.policy.checks import (
    access,
    evidence,
    flows,
    identities,
    keys,
    network,
    reach,
    registers,
    review,
    unused,
    waivers,
)
from haechi.policy.models import Policy
from haechi.policy.problems import Problem, Where

NOTHING: frozenset[str] = frozenset()


def check(policy: Policy, where: Where, at: date, lost: frozenset[str] = NOTHING) -> Iterable[Problem]:
    """Return every problem of meaning; who can reach what is judged once the names in it are known.

    ``lost`` names sections from which broken parts were taken out: what leans on their names is not judged.
    """
    topics = (
        (partial(identities.check, at=at), {"identities", "jobs"}),
        (keys.check, {"identities"}),
        (access.check, {"servers", "zones"}),
        (network.check, {"servers", "zones"}),
        (flows.check, {"servers", "zones", "listeners"}),
        (evidence.check, {"servers"}),
        (partial(waivers.check, at=at), {"identities", "servers", "zones"}),
        (partial(registers.check, at=at), {"identities"}),
        (review.check, {"identities", "jobs", "registers"}),
    )
    found = [problem for topic, leans_on in topics if not leans_on & lost for problem in topic(policy, where)]
    if not lost and not any(problem.severity == "error" for problem in found):
        found += [*reach.check(policy, where), *unused.check(policy, where), *review.reviewers(policy, where)]
    return found
