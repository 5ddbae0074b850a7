"""Questions that policy answers about one host: pure, over the typed policy alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from haechi.keylines import fingerprints
from haechi.policy.models import Factor, Identity, Job, Kind, MfaPolicy, Policy, State, SudoRule

# An auditor's one command; which recording it replays is asked on its standard input, so it has no arguments.
REPLAY = SudoRule(commands=("/usr/libexec/haechi/replay",), nopasswd=True, children=True)
# sudo_logsrvd(8)'s own port for TLS, and the name of the certificate that a host's recorder speaks with.
RECORDINGS_PORT, RECORDER_LEAF = 30344, "recorder"
RECEIVER_LEAF, EDGE_LEAF, VPN_LEAF = "hr-receiver", "edge", "vpn"
INTERNET = "internet"
ALL = "all"
# Days of people are days in Korea, which has had no summer time since 1988; no time zone database is asked.
KST = timezone(timedelta(hours=9), "KST")


@dataclass(frozen=True, kw_only=True)
class Access:
    """What one identity must be on one host."""

    identity: Identity
    state: State
    keys: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    sudo: tuple[SudoRule, ...] = ()
    login: bool = False


def is_internet(endpoint: str) -> bool:
    """Return whether an endpoint means everything that no zone holds."""
    return endpoint == INTERNET


def managed(policy: Policy) -> tuple[str, ...]:
    """Return the names of the hosts that Haechi makes, in policy's order."""
    return tuple(name for name, host in policy.hosts.items() if host.managed)


def expand_hosts(policy: Policy, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the hosts that hosts' names, zones' names or ``all`` (every managed host) mean, in policy's order."""
    return tuple(host for host in policy.hosts if means(policy, names, host))


def means(policy: Policy, names: tuple[str, ...], host: str) -> bool:
    """Return whether ``expand_hosts`` has a host among its own; who asks of each host has no time to expand for it."""
    row = policy.hosts.get(host)
    return row is not None and (host in names or row.zone in names or (ALL in names and row.managed))


def addresses(policy: Policy, endpoint: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks of a host (each leg), a zone or a CIDR; nothing for ``internet``.

    Raises ``ValueError`` for a word that is none of these.
    """
    if is_internet(endpoint):
        return ()
    if endpoint in policy.hosts:
        host = policy.hosts[endpoint]
        found: list[IPv4Address | IPv6Address] = [host.address, *host.legs.values()]
        found += [host.address6] if host.address6 else []
        return tuple(alone(address) for address in found)
    if endpoint in policy.zones:
        zone = policy.zones[endpoint]
        return (zone.cidr, *((zone.cidr6,) if zone.cidr6 else ()))
    return (_cidr(endpoint),)


def networks4(policy: Policy, endpoint: str) -> list[IPv4Network]:
    """Return the IPv4 networks of an end; none of one that policy does not know, which is told elsewhere."""
    try:
        return [one for one in addresses(policy, endpoint) if isinstance(one, IPv4Network)]
    except ValueError:
        return []


def is_outside(policy: Policy, endpoint: str) -> bool:
    """Return whether some of an end lies beyond the zones that are ours."""
    ours = [zone.cidr for zone in policy.zones.values() if zone.exposure != "outside"]
    far = (one for one in networks4(policy, endpoint) if not any(one.subnet_of(zone) for zone in ours))
    return is_internet(endpoint) or any(far)


def zone_of(policy: Policy, address: IPv4Address) -> str | None:
    """Return the zone that holds an address; None for one beyond all of them."""
    return next((name for name, zone in policy.zones.items() if address in zone.cidr), None)


def personal_zones(policy: Policy) -> dict[str, tuple[str, ...]]:
    """Return the zones in which personal data is kept, each with the hosts that keep it."""
    found: dict[str, tuple[str, ...]] = {}
    for name, host in policy.hosts.items():
        if host.personal_data:
            found[host.zone] = (*found.get(host.zone, ()), name)
    return found


@lru_cache(4096)
def alone(address: IPv4Address | IPv6Address) -> IPv4Network | IPv6Network:
    """Return the network of one address. Every flow of every host asks for the same few."""
    return ip_network(address)


@lru_cache(4096)
def _cidr(endpoint: str) -> IPv4Network | IPv6Network:
    return ip_network(endpoint)


def day_of(at: datetime) -> date:
    """Return the day that a moment belongs to, for everything that people must keep to."""
    return at.astimezone(KST).date()


def out_of_time(identity: Identity, day: date) -> date | None:
    """Return since when a person has no access on a day that is before the first or after the last; None on others."""
    if identity.kind is not Kind.PERSON:
        return None
    if identity.end is not None and identity.end < day:
        return identity.end + timedelta(days=1)
    return day if identity.start is not None and day < identity.start else None


def untrained(identity: Identity, day: date) -> date | None:
    """Return since when a person's training counts no more on a day; None while it does, or has no date."""
    lapsed = identity.kind is Kind.PERSON and identity.training_until is not None and identity.training_until <= day
    return identity.training_until if lapsed else None


def shut_since(identity: Identity, day: date) -> date | None:
    """Return since when a person's dates give no access on a day; None while they give it."""
    return out_of_time(identity, day) or untrained(identity, day)


def on_day(policy: Policy, day: date) -> Policy:
    """Return the policy as it stands on a day: whoever has no access by date then is disabled in it.

    The one place where dates of people count: desired state, judges and doors all read what comes from here.
    """
    policy = policy.model_copy(update={"mfa": _windows_open(policy.mfa, day)})
    return _shut(policy, {i.id: since for i in policy.identities if (since := shut_since(i, day)) is not None})


def _windows_open(mfa: MfaPolicy, day: date) -> MfaPolicy:
    """Return what is left of the enrolment windows on a day: one whose last day has passed is none."""

    def still(until: date | None) -> date | None:
        return until if until is not None and until >= day else None

    people = {who: row.model_copy(update={"enrol_until": still(row.enrol_until)}) for who, row in mfa.people.items()}
    return mfa.model_copy(update={"enrol_until": still(mfa.enrol_until), "people": people})


def without(policy: Policy, people: Collection[str], day: date) -> Policy:
    """Return the policy with some people disabled since a day."""
    return _shut(policy, dict.fromkeys(people, day))


def _shut(policy: Policy, since: dict[str, date]) -> Policy:
    if not since:
        return policy
    identities = tuple(
        identity.model_copy(update={"state": State.DISABLED, "since": since[identity.id]})
        if identity.id in since and identity.state is State.ACTIVE
        else identity
        for identity in policy.identities
    )
    return policy.model_copy(update={"identities": identities})


def jobs_on(policy: Policy, identity: Identity, host: str) -> tuple[Job, ...]:
    """Return the jobs of an identity that reach a host."""
    jobs = (policy.jobs[name] for name in identity.jobs if name in policy.jobs)
    return tuple(job for job in jobs if means(policy, job.hosts, host))


def in_production(policy: Policy, host: str) -> bool:
    """Return whether a host has a leg in a zone that is production; one whose zone policy lacks counts as such."""
    here = policy.hosts[host]
    zones = [policy.zones.get(name) for name in (here.zone, *here.legs)]
    return here.managed and any(zone is None or zone.production for zone in zones)


def keys_of(policy: Policy, identity: Identity) -> tuple[str, ...]:
    """Return an identity's public keys, from its record and from ``keys``, each once."""
    return tuple(dict.fromkeys((*identity.keys, *policy.keys.get(identity.id, ()))))


def owners(policy: Policy) -> Mapping[str, tuple[str, ...]]:
    """Return fingerprint -> the identities of policy that have it."""
    pairs = [(print_, who.id) for who in policy.identities for print_ in fingerprints(keys_of(policy, who))]
    return {print_: tuple(dict.fromkeys(who for key, who in pairs if key == print_)) for print_, _ in pairs}


def share_keys(policy: Policy, holder: Identity) -> tuple[str, ...]:
    """Return the public keys to which a holder's share of the sealed account's secret is encrypted."""
    own = policy.share_keys.get(holder.id)
    return (own,) if own else keys_of(policy, holder)


def access_on(policy: Policy, host: str, revoked: frozenset[str]) -> tuple[Access, ...]:
    """Return what each identity of policy must be on a host, leavers taken out.

    A revoked or disabled identity is disabled wherever it had a job, and absent elsewhere.
    """
    return tuple(_access(policy, identity, host, revoked) for identity in policy.identities)


def _access(policy: Policy, identity: Identity, host: str, revoked: frozenset[str]) -> Access:
    jobs = jobs_on(policy, identity, host)
    if not jobs:
        return Access(identity=identity, state=State.ABSENT)
    state = State.DISABLED if identity.id in revoked and identity.state is State.ACTIVE else identity.state
    if state is not State.ACTIVE:
        return Access(identity=identity, state=state)
    rules = (*(rule for job in jobs for rule in job.sudo), *_replay(policy, identity, host))
    return Access(
        identity=identity,
        state=state,
        keys=keys_of(policy, identity),
        groups=tuple(dict.fromkeys(group for job in jobs for group in job.groups)),
        sudo=tuple(dict.fromkeys(_asking(policy, identity, rule) for rule in rules)),
        login=any(job.login for job in jobs),
    )


def _asking(policy: Policy, identity: Identity, rule: SudoRule) -> SudoRule:
    """Return a rule under which sudo asks whoever has one-time codes for one."""
    own = policy.mfa.people.get(identity.id)
    codes = identity.kind is Kind.PERSON and own is not None and own.factor is Factor.TOTP
    return rule.model_copy(update={"nopasswd": False}) if codes else rule


def _replay(policy: Policy, identity: Identity, host: str) -> tuple[SudoRule, ...]:
    """Return the right to replay recordings, which a job has on the log host where policy says so."""
    recorder = policy.recorder
    here = recorder is not None and recorder.host == host and bool(set(recorder.replay) & set(identity.jobs))
    return (REPLAY,) if here else ()


def operators_on(policy: Policy, host: str, revoked: frozenset[str]) -> tuple[Access, ...]:
    """Return the people (and break-glass accounts) who must be able to log in on a host."""
    return tuple(
        access
        for access in access_on(policy, host, revoked)
        if access.login and access.state is State.ACTIVE and access.identity.kind in {Kind.PERSON, Kind.BREAK_GLASS}
    )


def control_sources(policy: Policy, host: str) -> tuple[str, ...]:
    """Return the addresses from which the automation connects to a host: those of control nodes, or the bastion's.

    The host that works for HR is a control node too.
    """
    bastion = policy.site.bastion
    if bastion is None or bastion == host:
        worker = policy.hosts.get(policy.hr.worker or "") if policy.hr else None
        return (str(policy.site.control_node), *([str(worker.address)] if worker else []))
    return tuple(str(network.network_address) for network in addresses(policy, bastion))


def active_people(policy: Policy) -> frozenset[str]:
    """Return the ids of people whom policy calls active; who left is not asked (``haechi.tombstones``)."""
    return frozenset(who.id for who in policy.identities if who.kind is Kind.PERSON and who.state is State.ACTIVE)


def certified(policy: Policy) -> tuple[str, ...]:
    """Return the managed hosts that have a TLS certificate; for recordings that is all of them."""
    if policy.pki is None:
        return ()
    named = {leaf.host for leaf in policy.pki.leaves} | {policy.hr.receiver if policy.hr else None}
    named |= set(policy.edge.hosts) if policy.edge else set()
    named |= {policy.vpn.host} if policy.vpn else set()
    return tuple(host for host in managed(policy) if policy.recorder is not None or host in named)


def automation_sources(policy: Policy) -> tuple[str, ...]:
    """Return the addresses from which the automation reaches hosts: the control node's and the bastion's."""
    found = {str(policy.site.control_node), *(one for host in managed(policy) for one in control_sources(policy, host))}
    return tuple(sorted(found))
