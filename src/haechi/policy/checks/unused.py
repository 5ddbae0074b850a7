"""What a policy defines and nothing uses: mostly a name that was meant elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

from haechi.policy.models import Kind, Policy, State
from haechi.policy.problems import Problem, Where
from haechi.policy.resolve import addresses, expand_hosts, is_internet, keys_of

# Every site starts with these, and a small one has nobody for some of them.
READY_MADE = frozenset({"developer", "operator", "security", "auditor"})


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield warnings of jobs nobody has, zones nothing is in, listeners no flow leads to, people who cannot log in."""
    held = {job for identity in policy.identities for job in identity.jobs}
    for name in policy.jobs:
        if name not in held | READY_MADE:
            yield where.problem(("jobs", name), f"nobody has the job {name}", "give it, or remove it", warning=True)
    named = {end for flow in policy.flows for end in (*flow.source, *flow.target)}
    lived_in = {zone for host in policy.hosts.values() for zone in (host.zone, *host.legs)}
    for name in policy.zones:
        if name not in named | lived_in:
            mend = "put hosts or flows into it, or remove it"
            yield where.problem(("zones", name), f"zone {name} holds no host", mend, warning=True)
    yield from _without_a_way_in(policy, where)
    yield from _unreached(policy, where)


def _without_a_way_in(policy: Policy, where: Where) -> Iterable[Problem]:
    for index, identity in enumerate(policy.identities):
        if identity.state is not State.ACTIVE or identity.kind in {Kind.SERVICE, Kind.AUTOMATION}:
            continue
        if not identity.jobs:
            what, mend = f"{identity.id} has no job, so no account anywhere", "add `jobs: [..]`"
            yield where.problem(("identities", index), what, mend, warning=True)
        elif identity.kind is Kind.BREAK_GLASS and policy.break_glass is not None:
            continue  # its holders open it at the console, and a key would be one person's
        elif not keys_of(policy, identity) and any(policy.jobs[name].login for name in identity.jobs):
            what, mend = f"{identity.id} has no public key and cannot log in", f"add one under `keys: {identity.id}:`"
            yield where.problem(("identities", index), what, mend, warning=True)


def _unreached(policy: Policy, where: Where) -> Iterable[Problem]:
    for index, listener in enumerate(policy.listeners):
        hosts = expand_hosts(policy, listener.hosts)
        if not hosts:
            continue
        own = [network for host in hosts for network in addresses(policy, host)]
        if not listener.local and not any(
            flow.proto == listener.proto
            and listener.port in flow.ports
            and any(
                is_internet(end) or any(mine.overlaps(network) for network in addresses(policy, end) for mine in own)
                for end in flow.target
            )
            for flow in policy.flows
        ):
            what = f"no flow leads to {listener.process} on {listener.proto}/{listener.port}"
            mend = "add a flow from those who need it, or `local: true` where only the host itself does"
            yield where.problem(("listeners", index), what, mend, warning=True)
