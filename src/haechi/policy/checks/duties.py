"""Separation of duties: jobs that exclude each other, accounts of one person each, and what a job may never reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from haechi.policy.models import Job, Kind, Policy, State
from haechi.policy.problems import Path, Problem, Where, did_you_mean
from haechi.policy.resolve import ALL, expand_hosts, in_production

# Membership in these reads logs and changes nothing (Debian: base-passwd's `adm`, systemd's `systemd-journal`).
READING = frozenset({"adm", "systemd-journal"})
# Names of a function or of everybody: nobody can say who acted by such an account.
SHARED = frozenset(
    {
        *("admin", "administrator", "admins", "common", "dev", "devops", "everyone", "guest", "helpdesk", "manager"),
        *("monitor", "ops", "oracle", "public", "shared", "superuser", "support", "sysadmin", "system", "team", "temp"),
        *("test", "tester", "user", "users", "vendor"),
    }
)


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of duties that one person must not join, and of accounts that several people would use."""
    yield from _jobs(policy, where)
    excluded = exclusions(policy.jobs)
    for index, identity in enumerate(policy.identities):
        path: Path = ("identities", index)
        for one, other in combinations(dict.fromkeys(identity.jobs), 2):
            if identity.state is State.ACTIVE and frozenset((one, other)) in excluded:
                what = f"{identity.id} has the jobs {one} and {other}, which nobody may have together"
                mend = f"take {one} or {other} from {identity.id}, and give it to somebody else"
                yield where.problem((*path, "jobs"), what, mend)
        if identity.kind is not Kind.PERSON:
            continue
        if identity.id in SHARED:
            what = f"{identity.id} names nobody in particular: a shared account"
            yield where.problem((*path, "id"), what, "give each person an identity of their own, named after them")
        if identity.owner is not None:
            what = f"{identity.id} is a person with an owner, {identity.owner}: a shared account"
            yield where.problem((*path, "owner"), what, "take the owner out; a program's account is `kind: service`")


def exclusions(jobs: Mapping[str, Job]) -> frozenset[frozenset[str]]:
    """Return the pairs of jobs of which either names the other."""
    return frozenset(frozenset((name, other)) for name, job in jobs.items() for other in job.conflicts)


def _jobs(policy: Policy, where: Where) -> Iterator[Problem]:
    for name, job in policy.jobs.items():
        path: Path = ("jobs", name)
        for number, other in enumerate(job.conflicts):
            if other == name:
                what = f"job {name} conflicts with itself, so nobody could have it"
                yield where.problem((*path, "conflicts", number), what, "name other jobs")
            elif other not in policy.jobs:
                what = f"{other}, with which {name} conflicts, is defined nowhere"
                yield where.problem((*path, "conflicts", number), what, did_you_mean(other, policy.jobs))
        yield from _reach(policy, where, path, job)
        yield from _changes(where, path, job)


def _reach(policy: Policy, where: Where, path: Path, job: Job) -> Iterator[Problem]:
    """Yield hosts of production that a job without production lets somebody into."""
    for number, name in enumerate(job.hosts if job.login and not job.production else ()):
        live = [host for host in expand_hosts(policy, (name,)) if in_production(policy, host)]
        if live:
            what = f"job {path[1]} would give a shell in production: on {', '.join(live)}"
            mend = "name hosts of a zone with `production: false`, or say `login: false`"
            if name == ALL:
                mend = "name hosts or zones in place of `all`"
            yield where.problem((*path, "hosts", number), what, mend)


def _changes(where: Where, path: Path, job: Job) -> Iterator[Problem]:
    if job.changes:
        return
    if job.sudo:
        what = f"job {path[1]} changes nothing (`changes: false`) and has sudo rules"
        yield where.problem((*path, "sudo"), what, "let it read by its groups, and take the rules out")
    for number, group in enumerate(job.groups):
        if group not in READING:
            what = f"job {path[1]} changes nothing (`changes: false`), and group {group} may do more than read logs"
            yield where.problem((*path, "groups", number), what, f"use {' or '.join(sorted(READING))}")
