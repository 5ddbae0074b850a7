"""What a policy means across its files: each topic a pure function over the typed policy."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import partial

from haechi.policy.checks import (
    access,
    break_glass,
    duties,
    edge,
    escapes,
    evidence,
    firmware,
    flows,
    identities,
    ids,
    keys,
    mfa,
    network,
    perimeter,
    pki,
    privilege,
    provisioning,
    reach,
    recorder,
    registers,
    renewal,
    review,
    revocations,
    secrets,
    terms,
    unused,
    vpn,
    waivers,
)
from haechi.policy.models import Policy
from haechi.policy.problems import Problem, Where
from haechi.policy.resolve import on_day

NOTHING: frozenset[str] = frozenset()


def check(policy: Policy, where: Where, at: date, lost: frozenset[str] = NOTHING) -> Iterable[Problem]:
    """Return every problem of meaning; who can reach what is judged once the names in it are known.

    ``lost`` names sections from which broken parts were taken out: what leans on their names is not judged.
    """
    standing = on_day(policy, at)
    topics = (
        (partial(identities.check, at=at), {"identities", "jobs"}),
        (partial(terms.check, at=at), {"identities"}),
        (duties.check, {"identities", "jobs", "servers", "zones"}),
        (escapes.check, {"identities", "jobs"}),
        (keys.check, {"identities"}),
        (partial(mfa.check, at=at), {"identities"}),
        (access.check, {"servers", "zones"}),
        (network.check, {"servers", "zones"}),
        (flows.check, {"servers", "zones", "listeners"}),
        (perimeter.check, {"servers", "zones"}),
        (partial(edge.check, at=at), {"identities", "servers", "zones", "flows", "pki", "edge"}),
        (evidence.check, {"servers"}),
        (pki.check, {"servers", "zones"}),
        (recorder.check, {"servers", "zones", "jobs", "flows", "pki"}),
        (renewal.check, {"servers", "zones", "flows", "pki", "recorder"}),
        (secrets.check, {"identities", "jobs"}),
        (firmware.check, {"identities", "servers"}),
        (firmware.hosts, {"servers", "zones", "firmware"}),
        (revocations.check, {"servers", "zones", "flows", "pki"}),
        (vpn.check, {"servers", "zones", "flows", "jobs", "pki", "vpn"}),
        (ids.check, {"identities", "servers", "zones", "ids"}),
        (partial(waivers.check, at=at), {"identities", "servers", "zones"}),
        (partial(registers.check, at=at), {"identities"}),
        (review.check, {"identities", "jobs", "registers"}),
        (privilege.check, {"jobs"}),
        (break_glass.check, {"identities"}),
        (provisioning.check, {"identities", "jobs", "servers", "zones", "flows", "listeners", "pki", "recorder", "hr"}),
    )
    found = [problem for topic, leans_on in topics if not leans_on & lost for problem in topic(policy, where)]
    if not lost and not any(problem.severity == "error" for problem in found):
        found += [*reach.check(standing, where), *unused.check(standing, where), *review.reviewers(policy, where)]
        found += [*privilege.approvers(standing, where), *provisioning.approvers(standing, where)]
    return found
