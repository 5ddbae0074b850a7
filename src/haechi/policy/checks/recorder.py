"""TLS certificates of hosts, and where recordings of sudo go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from haechi.policy.models import Policy
from haechi.policy.problems import Path, Problem, Where, did_you_mean
from haechi.policy.recording import Recorder
from haechi.policy.resolve import (
    EDGE_LEAF,
    RECEIVER_LEAF,
    RECORDER_LEAF,
    RECORDINGS_PORT,
    VPN_LEAF,
    addresses,
    expand_hosts,
    is_internet,
    managed,
)

OWN = {
    RECORDER_LEAF: "the recorder's own",
    RECEIVER_LEAF: "the HR receiver's own",
    EDGE_LEAF: "the edge's own",
    VPN_LEAF: "the VPN's own",
}


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of ``recorder`` and ``pki.leaves``: hosts nobody makes, ways nobody opened, rights of nobody."""
    yield from _leaves(policy, where)
    if policy.recorder is None:
        return
    name, hosts = policy.recorder.host, managed(policy)
    if name not in hosts:
        what = f"{name} is no managed host, so nobody could keep recordings there"
        yield where.problem(("recorder", "host"), what, did_you_mean(name, hosts))
        return
    if policy.pki is None:
        what = "recordings travel over TLS, and policy names no authority (pki)"
        yield where.problem(("recorder",), what, "add `pki: {host: ...}`, or take `recorder` out")
    yield from _ways(policy, where, name)
    yield from _replay(policy, where, policy.recorder)


def _leaves(policy: Policy, where: Where) -> Iterator[Problem]:
    hosts, taken = managed(policy), set[tuple[str, str]]()
    for number, leaf in enumerate(policy.pki.leaves if policy.pki is not None else ()):
        path: Path = ("pki", "leaves", number)
        if leaf.host not in hosts:
            what = f"{leaf.host} is no managed host, so no key could be made there"
            yield where.problem((*path, "host"), what, did_you_mean(leaf.host, hosts))
        if leaf.name in OWN or (leaf.host, leaf.name) in taken:
            why = OWN.get(leaf.name, f"there twice on {leaf.host}")
            yield where.problem((*path, "name"), f"certificate {leaf.name} is {why}", "give it another name")
        taken.add((leaf.host, leaf.name))


def _ways(policy: Policy, where: Where, keeps: str) -> Iterator[Problem]:
    """Yield the problem that some hosts' recordings could never arrive."""
    lead = [flow for flow in policy.flows if flow.proto == "tcp" and RECORDINGS_PORT in flow.ports]
    come = [flow.source for flow in lead if any(keeps in _hosts(policy, end) for end in flow.target)]
    heard = {host for source in come for end in source for host in _hosts(policy, end)}
    lost = [host for host in managed(policy) if host != keeps and host not in heard]
    if lost:
        what = f"no flow lets recordings from {', '.join(lost)} reach {keeps}"
        mend = f"add a flow to {keeps} with ports [{RECORDINGS_PORT}], and the listener sudo_logsrvd there"
        yield where.problem(("recorder", "host"), what, mend)


def _hosts(policy: Policy, end: str) -> set[str]:
    """Return the managed hosts that an end of a flow means; a network means those whose address is in it."""
    if end in policy.hosts or end in policy.zones:
        return set(expand_hosts(policy, (end,)))
    try:
        networks = () if is_internet(end) else addresses(policy, end)
    except ValueError:
        return set()
    return {name for name, host in policy.hosts.items() if any(host.address in network for network in networks)}


def _replay(policy: Policy, where: Where, recorder: Recorder) -> Iterator[Problem]:
    for number, job in enumerate(recorder.replay):
        path: Path = ("recorder", "replay", number)
        if job not in policy.jobs:
            what = f"{job}, which may replay recordings, is defined nowhere"
            yield where.problem(path, what, did_you_mean(job, policy.jobs))
        elif not policy.jobs[job].login or recorder.host not in expand_hosts(policy, policy.jobs[job].hosts):
            what = f"job {job} may replay recordings and has no login on {recorder.host}, where they are"
            yield where.problem(path, what, f"add {recorder.host} to the hosts of {job}, or take the job out here")
