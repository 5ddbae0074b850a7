"""Who may have a certificate, for which accounts and how long. Pure: the signing is done where the key is.

A principal is ``job:id``. A host takes it for the account ``id`` where that job reaches it, so a certificate opens
what access policy gives on that class of host, and nobody else's account.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from haechi.keylines import fingerprints
from haechi.policy.models import Identity, Kind, Policy, State
from haechi.policy.resolve import expand_hosts, keys_of, managed, means


class CertificateError(Exception):
    """No certificate is issued; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What somebody asks for: ``key`` is a public key line; no jobs means all of theirs, no minutes the most."""

    person: str
    key: str
    jobs: tuple[str, ...] = ()
    minutes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the authority is asked to sign."""

    person: str
    key: str
    principals: tuple[str, ...]
    minutes: int


def principals(policy: Policy, identity: Identity) -> tuple[str, ...]:
    """Return all principals of an identity: one for each of its jobs that gives a login."""
    jobs = ((name, policy.jobs[name]) for name in identity.jobs if name in policy.jobs)
    return tuple(dict.fromkeys(f"{name}:{identity.id}" for name, job in jobs if job.login))


def principals_on(policy: Policy, identity: Identity, host: str) -> tuple[str, ...]:
    """Return the principals that a host takes for an identity's account."""
    found = principals(policy, identity)
    return tuple(name for name in found if means(policy, policy.jobs[name.partition(":")[0]].hosts, host))


def order(policy: Policy, revoked: frozenset[str], request: Request) -> Order:
    """Return what to sign.

    Raises ``CertificateError`` for whoever must not have it, for a key that policy does not name, and for more than
    policy gives.
    """
    if policy.pki is None:
        raise CertificateError("policy names no authority: add `pki: {host: ..}` to policy, and run site.yml")
    person = request.person
    identity = next((who for who in policy.identities if who.id == person), None)
    if identity is None:
        raise CertificateError(f"no identity has the id {person!r}: check the spelling in identities.yml")
    if person in revoked or identity.state is not State.ACTIVE:
        raise CertificateError(f"{person} is not active: nobody who left gets a certificate")
    if identity.kind not in {Kind.PERSON, Kind.SENTINEL}:
        raise CertificateError(f"{person} is {identity.kind}: certificates are for people and the login canary")
    if not set(fingerprints([request.key])) & set(fingerprints(keys_of(policy, identity))):
        raise CertificateError(f"this key is not one of {person}'s in policy: add it to keys.yml first, or pick theirs")
    most = policy.pki.user_hours * 60
    asked = most if request.minutes is None else request.minutes
    if not 1 <= asked <= most:
        raise CertificateError(f"{asked} minutes: policy gives between 1 and {most} (pki.user_hours)")
    return Order(
        person=person,
        key=" ".join(request.key.split()[:2]),
        principals=_chosen(policy, identity, request.jobs),
        minutes=asked,
    )


def _chosen(policy: Policy, identity: Identity, jobs: Iterable[str]) -> tuple[str, ...]:
    found = principals(policy, identity)
    asked = tuple(f"{job}:{identity.id}" for job in jobs)
    if missing := sorted(set(asked) - set(found)):
        have = ", ".join(name.partition(":")[0] for name in found) or "none"
        raise CertificateError(
            f"{identity.id} has no job {missing[0].partition(':')[0]} with a login: theirs are {have}"
        )
    if not found:
        raise CertificateError(f"{identity.id} has no job that gives a login, so a certificate would open nothing")
    return asked or found


def reaches(policy: Policy, names: Iterable[str]) -> tuple[str, ...]:
    """Return the managed hosts that some principals open, in policy's order."""
    jobs = {name.partition(":")[0] for name in names}
    hosts = {host for job in jobs for host in expand_hosts(policy, policy.jobs[job].hosts)}
    return tuple(host for host in managed(policy) if host in hosts)
