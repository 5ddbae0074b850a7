"""Who is in the policy: once each, with an owner, with a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from haechi.policy.models import Kind, Policy, State
from haechi.policy.problems import Path, Problem, Where, did_you_mean

# Accounts and groups of base-passwd, and of the packages a server of ours has: an account is made with a group of its
# own name, and an identity that took one of these over would own what the system owns.
_SYSTEM = (
    "root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody nogroup adm "
    "tty disk kmem dialout fax voice cdrom floppy tape sudo audio dip operator src shadow utmp video sasl plugdev "
    "staff users crontab input kvm render netdev sgx messagebus polkitd sshd ssl-cert tss uuidd tcpdump rsyslog "
    "syslog dnsmasq apt-cacher-ng postgres mysql redis haproxy nginx clamav suricata openvpn ntp ntpsec chrony "
    "docker lxd incus libvirt wheel haechi-login"
)
SYSTEM = frozenset(_SYSTEM.split())


def check(policy: Policy, where: Where, *, at: date) -> Iterable[Problem]:
    """Yield problems of identities; ``at`` is today."""
    yield from _twice(policy, where)
    yield from _owners(policy, where)
    active = [i for i in policy.identities if i.kind is Kind.AUTOMATION and i.state is State.ACTIVE]
    if len(active) != 1:
        mend = "keep exactly one active identity of `kind: automation`: it is whom playbooks log in as"
        yield where.problem(("identities",), f"{len(active)} active automation identities", mend)
    for index, identity in enumerate(policy.identities):
        path: Path = ("identities", index)
        if identity.state is not State.ACTIVE and identity.since is None:
            mend = "add `since: YYYY-MM-DD`, the day access ended"
            yield where.problem((*path, "state"), f"{identity.id} is {identity.state} without a date", mend)
        if identity.state is not State.ACTIVE and identity.since is not None and identity.since > at:
            what = f"{identity.id} is {identity.state} now, and its date {identity.since} is yet to come"
            mend = "keep `state: active` until that day, or correct the date"
            yield where.problem((*path, "since"), what, mend, warning=True)
        if identity.id in SYSTEM or identity.id.startswith("systemd-"):
            what = f"{identity.id} is an account or group of the system's own"
            yield where.problem((*path, "id"), what, "give the identity another id")
        for number, job in enumerate(identity.jobs):
            if job not in policy.jobs:
                yield where.problem(
                    (*path, "jobs", number), f"job {job} is defined nowhere", did_you_mean(job, policy.jobs)
                )


def _twice(policy: Policy, where: Where) -> Iterable[Problem]:
    for name in ("id", "hr_id"):
        first: dict[str, int] = {}
        for index, identity in enumerate(policy.identities):
            value = getattr(identity, name)
            if value is None:
                continue
            if value in first:
                line = where.place(("identities", first[value], name))[1]
                what = f"{name} {value} stands twice, first in line {line}"
                yield where.problem(("identities", index, name), what, "one person is one record: merge the two")
            first.setdefault(value, index)


def _owners(policy: Policy, where: Where) -> Iterable[Problem]:
    people = {i.id for i in policy.identities if i.kind is Kind.PERSON and i.state is State.ACTIVE}
    for index, identity in enumerate(policy.identities):
        if identity.kind is Kind.PERSON or identity.state is State.ABSENT:
            continue
        path: Path = ("identities", index, "owner")
        if identity.owner is None:
            mend = "add `owner:` with the id of the person who answers for it"
            yield where.problem(path, f"{identity.kind} {identity.id} has no owner", mend)
        elif identity.owner not in people:
            what = f"the owner of {identity.id}, {identity.owner}, is no active person"
            yield where.problem(path, what, did_you_mean(identity.owner, people))
