"""Where certificates come from."""

from __future__ import annotations

from collections.abc import Iterable

from haechi.policy.models import Policy
from haechi.policy.problems import Problem, Where, did_you_mean
from haechi.policy.resolve import managed


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of ``pki``: an authority nobody can reach, or one that the outside reaches."""
    if policy.pki is None:
        return
    name, hosts = policy.pki.host, managed(policy)
    if name not in hosts:
        what = f"{name} is no managed host, so nobody could sign there"
        yield where.problem(("pki", "host"), what, did_you_mean(name, hosts))
    elif not policy.zones[policy.hosts[name].zone].management:
        what = f"{name} is not in a management zone: whoever takes it can log in anywhere"
        zones = ", ".join(zone for zone, row in policy.zones.items() if row.management) or "none yet"
        yield where.problem(("pki", "host"), what, f"name a host of a management zone ({zones})")
