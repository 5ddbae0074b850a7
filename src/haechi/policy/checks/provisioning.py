"""Who may speak for HR: sources that can be verified, a receiver that opens nothing, people who let a batch go on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from haechi.policy.checks.reach import allowed, led_to
from haechi.policy.models import Kind, Policy, State
from haechi.policy.problems import Path, Problem, Where, did_you_mean, shown
from haechi.policy.provisioning import Hr, Source, SourceKind
from haechi.policy.resolve import expand_hosts, keys_of, managed

NEEDED = {SourceKind.SET: ("issuer", "audience", "keys"), SourceKind.ROSTER: ("signers", "folder")}
RELAY = re.compile(r"[A-Za-z0-9.:\[\]-]+:[1-9]\d{0,4}")
# Names that the service uses itself: of a sender in the ledger, of a file among the secrets.
TAKEN = {"console": "`haechi hr submit` is called on record", "alerts": "the key of alerts is called among the secrets"}
APPROVERS: Path = ("hr", "breaker", "approvers")


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of ``hr``; the jobs that it names by default need not all exist."""
    if policy.hr is None:
        return
    yield from _receiver(policy, policy.hr, where)
    yield from _worker(policy, policy.hr, where)
    yield from _ledger(policy.hr, where)
    yield from _alerts(policy.hr, where)
    first: dict[str, int] = {}
    for index, source in enumerate(policy.hr.sources):
        path: Path = ("hr", "sources", index)
        if first.setdefault(source.name, index) != index:
            yield where.problem((*path, "name"), f"source {source.name} stands twice", "give each source its own name")
        yield from _source(source, where, path)
        yield from _signers(policy, source, where, path)
    breaker = policy.hr.breaker
    for index, job in enumerate(breaker.approvers if "approvers" in breaker.model_fields_set else ()):
        if job not in policy.jobs:
            yield where.problem((*APPROVERS, index), f"job {job} is defined nowhere", did_you_mean(job, policy.jobs))


def approvers(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield a warning where nobody could let a stopped batch of leavers go on, or only one who may be among them."""
    if policy.hr is None:
        return
    jobs = policy.hr.breaker.approvers
    people = [who for who in policy.identities if who.kind is Kind.PERSON and who.state is State.ACTIVE]
    may = [who.id for who in people if set(who.jobs) & set(jobs)]
    # Whoever has no job at all is being written: his entry is not finished.
    if len(may) <= 1 and all(who.jobs for who in people):
        what = f"{may[0] if may else 'nobody'} may let a stopped batch of leavers go on ({', '.join(jobs)})"
        yield where.problem(APPROVERS, what, "name jobs of two people: no leaver decides about a batch", warning=True)


def _receiver(policy: Policy, hr: Hr, where: Where) -> Iterator[Problem]:
    """Yield problems of the one host that hears the outside."""
    name, place = hr.receiver, ("hr", "receiver")
    if name is None:
        return
    if name not in managed(policy):
        what = f"{name} is no managed host, so nothing could listen there"
        yield where.problem(place, what, did_you_mean(name, managed(policy)))
        return
    keeps = _what_it_keeps(policy, name)
    if keeps:
        fit = [host for host in managed(policy) if not _what_it_keeps(policy, host)]
        what = f"{name} {keeps}: whoever takes what listens there has more than an inbox"
        yield where.problem(place, what, f"name a host in front: {', '.join(fit) or 'there is none yet'}")
    if policy.pki is None:
        what = f"{name} answers HR over TLS, and policy names no authority (pki)"
        yield where.problem(place, what, "add `pki: {host: ...}`, or take `receiver` out")
    if not hr.heard:
        what = f"{name} would listen in vain: every source is fetched or dropped on the control node"
        yield where.problem(
            place, what, "take `receiver` out, or add a source that sends: scim, webhook, or set without poll"
        )
    yield from _inbox(policy, hr, name, where)
    yield from _port(policy, hr, name, where)


def _inbox(policy: Policy, hr: Hr, name: str, where: Where) -> Iterator[Problem]:
    """Yield a problem where the receiver's wall would let it reach no inbox: it opens to a host of policy alone."""
    try:
        host = urlsplit(hr.database).hostname if hr.database is not None else None
    except ValueError:
        return
    if hr.database is not None and host not in policy.hosts:
        what = f"{name} could keep nothing: {host or 'a socket'} of its database is no host of policy"
        yield where.problem(("hr", "database"), what, did_you_mean(host or "", policy.hosts))


def _worker(policy: Policy, hr: Hr, where: Where) -> Iterator[Problem]:
    """Yield problems of the control node, where that is one of the site's hosts."""
    if hr.worker is not None and hr.worker not in managed(policy):
        what = f"{hr.worker} is no managed host, so nobody could work there"
        yield where.problem(("hr", "worker"), what, did_you_mean(hr.worker, managed(policy)))
    elif hr.worker is not None and hr.worker == hr.receiver:
        what = f"{hr.worker} would hear the outside and hold the key to every host"
        yield where.problem(("hr", "worker"), what, "name two hosts: one in front, one where nobody comes in")
    elif hr.worker is not None:
        here, doors = (
            policy.hosts[hr.worker].address,
            (policy.site.bastion,) if policy.site.bastion else managed(policy),
        )
        shut = [name for name in doors if name != hr.worker and not allowed(policy, here, policy.hosts[name].address)]
        if shut:
            what = (
                f"{hr.worker} would put nobody out on {', '.join(shut)}: no flow lets it reach port {policy.sshd.port}"
            )
            yield where.problem(("hr", "worker"), what, f"add a tcp flow from {hr.worker}, or name the bastion")


def _what_it_keeps(policy: Policy, name: str) -> str:
    """Return why a host is worth too much to listen to the outside, or an empty text."""
    host = policy.hosts[name]
    if name == policy.site.bastion:
        return "is the bastion"
    if policy.pki is not None and name == policy.pki.host:
        return "holds the authority's keys"
    if policy.recorder is not None and name == policy.recorder.host:
        return "keeps the recordings"
    zones = (policy.zones.get(zone) for zone in (host.zone, *host.legs))
    return "is in a management zone" if any(zone is not None and zone.management for zone in zones) else ""


def _port(policy: Policy, hr: Hr, name: str, where: Where) -> Iterator[Problem]:
    if hr.port == policy.sshd.port:
        what = f"port {hr.port} is sshd's, and HR is heard on one of its own"
        yield where.problem(("hr", "port"), what, "name another port")
        return
    if not led_to(policy, policy.hosts[name].address, hr.port):
        what = f"HR could not reach {name}: no flow leads to its tcp/{hr.port}"
        yield where.problem(("flows",), what, f"add a tcp flow to {name}, ports [{hr.port}], and a listener there")
    elif not any(
        row.proto == "tcp" and row.port == hr.port and not row.local and name in expand_hosts(policy, row.hosts)
        for row in policy.listeners
    ):
        what = f"the receiver on {name} tcp/{hr.port} is no declared listener, so it would be reported as a stranger"
        yield where.problem(("listeners",), what, f"add it: {{hosts: [{name}], port: {hr.port}, ..}}")


def _ledger(hr: Hr, where: Where) -> Iterator[Problem]:
    place = ("hr", "database")
    if hr.engine == "procrastinate" and hr.database is None:
        what = "procrastinate keeps its queue in PostgreSQL, and policy names no database"
        yield where.problem(("hr", "engine"), what, "add `database: postgresql://haechi@db1/haechi`, or use embedded")
    if hr.database is not None:
        scheme, password = _parts(hr.database)
        if password:
            mend = "take it out: libpq reads ~/.pgpass, or PGPASSFILE of the unit"
            yield where.problem(place, "a password in policy, which many people read", mend)
        elif scheme != "postgresql":
            what = f"{shown(hr.database)} is no address of PostgreSQL"
            yield where.problem(place, what, "write it like postgresql://haechi@db1/haechi")
    try:
        ZoneInfo(hr.time_zone)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError; a folder is an OSError
        what = f"{shown(hr.time_zone)} is no time zone known here"
        yield where.problem(("hr", "time_zone"), what, "write it like Asia/Seoul; tzdata must be installed")


def _alerts(hr: Hr, where: Where) -> Iterator[Problem]:
    alerts, place = hr.alerts, ("hr", "alerts")
    if alerts.webhook is not None and _parts(alerts.webhook)[0] != "https":
        what = f"{shown(alerts.webhook)} is no https address, and alerts name people"
        yield where.problem((*place, "webhook"), what, "write it like https://alerts.example.com/haechi")
    if alerts.mail_to and alerts.mail_from is None:
        what = "alerts go by mail, and nobody sends them"
        yield where.problem((*place, "mail_to"), what, "add `mail_from:` with an address that the relay takes")
    if not RELAY.fullmatch(alerts.smtp):
        what = f"{shown(alerts.smtp)} is no mail relay"
        yield where.problem((*place, "smtp"), what, "write it like localhost:25")
    stamps = hr.timestamp_authority
    # RFC 3161 tokens are signed themselves, so plain http is what most authorities speak.
    if stamps is not None and _parts(stamps)[0] not in {"http", "https"}:
        what = f"{shown(stamps)} is no address of a timestamp authority"
        yield where.problem(("hr", "timestamp_authority"), what, "write it like https://tsa.example.com/tsr")


def _source(source: Source, where: Where, path: Path) -> Iterator[Problem]:
    if source.name in TAKEN:
        what = f"{source.name} is what {TAKEN[source.name]}"
        yield where.problem((*path, "name"), what, "give the source another name")
    lacking = [name for name in NEEDED.get(source.kind, ()) if not getattr(source, name)]
    if lacking:
        what = (
            f"source {source.name} is a {source.kind} without {', '.join(lacking)}: nothing it says could be verified"
        )
        yield where.problem(path, what, "; ".join(f"add `{name}:`" for name in lacking))
    for name in ("keys", "poll"):
        text = getattr(source, name)
        fits = text is None or _parts(text)[0] == "https" or (name == "keys" and ":" not in text)
        if not fits:
            either = " or a file's path" if name == "keys" else ""
            what = f"{shown(text)} is no https address{either}: whoever is on the way could answer instead"
            yield where.problem((*path, name), what, f"write it like https://idp.example.com/{name}")
    if source.folder is not None and not source.folder.startswith(("/", "~/")):
        what = f"{shown(source.folder)} is no path of its own: which folder it is depends on who asks"
        yield where.problem((*path, "folder"), what, "write it like /var/lib/haechi/roster")


def _signers(policy: Policy, source: Source, where: Where, path: Path) -> Iterator[Problem]:
    people = {who.id: who for who in policy.identities if who.kind is Kind.PERSON and who.state is State.ACTIVE}
    for number, name in enumerate(source.signers):
        place = (*path, "signers", number)
        if name not in people:
            what = f"{name}, who signs the roster {source.name}, is no active person"
            yield where.problem(place, what, did_you_mean(name, people))
        elif not keys_of(policy, people[name]):
            what = f"{name} signs the roster {source.name} and has no public key"
            yield where.problem(place, what, f"add one under `keys: {name}:`")


def _parts(address: str) -> tuple[str, str]:
    """Return scheme and password of an address; empty where it is none. PostgreSQL's may name no host (a socket)."""
    try:
        found = urlsplit(address)
        complete = (found.hostname is not None or found.scheme == "postgresql") and found.port != 0
    except ValueError:
        return "", ""
    return (found.scheme if complete else ""), found.password or "".join(parse_qs(found.query).get("password", ()))
