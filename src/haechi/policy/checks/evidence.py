"""Where the copy of the evidence goes."""

from __future__ import annotations

from collections.abc import Iterable

from haechi.evidence import place
from haechi.policy.models import Policy
from haechi.policy.problems import Path, Problem, Where, did_you_mean
from haechi.policy.resolve import managed

HERE: Path = ("site", "evidence_copy")


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of ``site.evidence_copy``."""
    text = policy.site.evidence_copy
    if text is None:
        return
    try:
        named = place.parse(text)
    except ValueError as error:
        yield where.problem(HERE, str(error), "write /a/folder of this machine, or host:/path/of/a/file")
        return
    if named.host is None or named.host in managed(policy):
        return
    if named.host in policy.hosts:
        what = f"{named.host} is not managed: no playbook reaches it"
        yield where.problem(HERE, what, f"name a managed host: {', '.join(managed(policy))}")
    else:
        yield where.problem(HERE, f"{named.host} is no host", did_you_mean(named.host, managed(policy)))
