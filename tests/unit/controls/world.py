"""Two real hosts as they were stored, the policy that made them, and ways to change what was seen of them."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from haechi import audit, desired, dormancy, runs
from haechi.controls import judging
from haechi.controls.model import Case, Control, Scope, SiteCase, Verdict
from haechi.observe.observation import Kind, Observation
from haechi.observe.posture import Posture, UnknownError, open_posture
from haechi.perimeter import plan
from haechi.pki import revocations
from haechi.pki.trust import NO_AUTHORITY, Trust
from haechi.policy import load
from haechi.policy.models import Kind as IdentityKind
from haechi.policy.models import MfaPolicy, Policy
from haechi.policy.resolve import day_of, on_day
from haechi.tombstones import Store, Tombstone

ROOT = Path(__file__).resolve().parents[3]
HOSTS = {"app1": "trixie", "db1": "bookworm"}
SINCE = {"customers", "edge-to-app", "app-to-database", "alerts", 8080, 5432, 20514}
# When the two were looked at, hana had left.
LEFT = frozenset({"hana"})
AT = datetime(2026, 11, 24, 16, 40, tzinfo=UTC)
NONCE = "0123456789abcdef0123456789abcdef"
CENTRAL = "/etc/ssh/authorized_keys.d/"
SECTIONS = sorted(name for name, value in vars(Posture).items() if isinstance(value, cached_property))
Answer = dict[str, Any]


@cache
def policy() -> Policy:
    """Return the lab's policy, with a made-up key for each identity: the lab makes new ones whenever it stands."""
    read = load(ROOT / "inventories/lab", at=AT.date()).policy
    assert read is not None
    # When the two were looked at nobody had enrolled, no account was sealed on them, and there was no service.
    people = tuple(who for who in read.identities if who.kind is not IdentityKind.BREAK_GLASS)
    keys = {who.id: (f"ssh-ed25519 {key(who.id)}",) for who in people}
    none = {"break_glass": None, "edge": None, "ids": None, "vpn": None}
    flows = tuple(flow for flow in read.flows if flow.name not in SINCE)
    ways = {"flows": flows, "listeners": tuple(row for row in read.listeners if row.port not in SINCE)}
    mfa = MfaPolicy(enrol_until=date(2026, 12, 31))
    return read.model_copy(update={"identities": people, "keys": keys, "mfa": mfa, **none, **ways})


@cache
def small_site() -> Policy:
    """Return the policy of a site of which the two stored hosts are all."""
    hosts = policy().hosts.items()
    return policy().model_copy(
        update={"hosts": {name: host.model_copy(update={"managed": name in HOSTS}) for name, host in hosts}}
    )


def trust(by: Policy, revoked: frozenset[str]) -> Trust:
    """Return what the stored hosts were told, by an authority with made-up keys."""
    if by.pki is None:
        return NO_AUTHORITY
    rows = (Tombstone(who, 1, number, AT.isoformat()) for number, who in enumerate(sorted(revoked), 1))
    return Trust(
        user_ca=f"ssh-ed25519 {key('user_ca')}",
        host_ca=f"ssh-ed25519 {key('host_ca')}",
        revoked=revocations.text(by, Store(sequence=len(revoked), tombstones=tuple(rows)), AT),
        host_certificates={host: f"the certificate of {host}" for host in HOSTS},
        listed=json.dumps({"sequence": 1795500000}),
        signer=f'haechi namespaces="haechi-list" ssh-ed25519 {key("list")}\n',
    )


def key(who: str) -> str:
    """Return a made-up public key of Ed25519: nobody has the private one."""
    return base64.b64encode(_blob(who)).decode()


def print_of(who: str) -> str:
    """Return the fingerprint of a made-up key."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(_blob(who)).digest()).decode().rstrip("=")


def _blob(who: str) -> bytes:
    return b"\0\0\0\x0bssh-ed25519\0\0\0 " + hashlib.sha256(who.encode()).digest()


@cache
def _stored(host: str) -> Any:
    """Return a stored posture, to be read and not to be changed.

    Each key in an account's file is given its made-up name, wherever else it stands.
    """
    text = (ROOT / f"tests/cases/posture/{HOSTS[host]}.json").read_text()
    for file in json.loads(text)["data"]["sections"]["keys"]["seen"]:
        for old in file["fingerprints"] if file["path"].startswith(CENTRAL) else ():
            text = text.replace(old, print_of(file["account"]))
    return json.loads(text)


def answer(host: str, probes: Iterable[Mapping[str, Any]] = ()) -> Answer:
    """Return what a hardened host answered; probes are given as their data."""
    return {"observation": _stored(host), "probes": [*probes]}


def sections(of: Answer) -> dict[str, Any]:
    """Return the sections of an answer."""
    found: dict[str, Any] = of["observation"]["data"]["sections"]
    return found


def changed(root: Any, changes: Iterable[Mapping[str, Any]]) -> Any:
    """Return a document with changes; the document itself stays as it was, and what is not on a path is shared.

    A change is ``{at: path}`` with ``set``, ``add``, ``merge``, ``drop``, or ``copy`` and ``with``. A word of a path is
    a key, a number in a list, or ``key.key=value`` for the one row of a list that has it.
    """
    for change in changes:
        root = _changed(root, change["at"], change)
    return root


def _changed(node: Any, path: list[Any], change: Mapping[str, Any]) -> Any:
    place, rest = _place(node, path[0]), path[1:]
    whole = copy.copy(node)
    match change:
        case _ if rest:
            whole[place] = _changed(node[place], rest, change)
        case {"set": value}:
            whole[place] = value
        case {"add": value}:
            whole[place] = [*node[place], value]
        case {"merge": words}:
            whole[place] = {**node[place], **words}
        case {"copy": like, "with": words}:
            whole[place] = [*node[place], {**node[place][_place(node[place], like)], **words}]
        case {"drop": True}:
            del whole[place]
        case _:
            raise ValueError(f"no such change: {change}")
    return whole


def _place(node: Any, word: Any) -> Any:
    if not isinstance(node, list) or isinstance(word, int):
        return word
    path, _, value = word.partition("=")
    found = [index for index, row in enumerate(node) if str(_dig(row, path.split("."))) == value]
    assert len(found) == 1, f"{len(found)} rows have {word}"
    return found[0]


def _dig(row: Any, path: list[str]) -> Any:
    for word in path:
        row = row.get(word) if isinstance(row, dict) else None
    return row


def edited(of: Answer, changes: Iterable[Mapping[str, Any]]) -> Answer:
    """Return an answer with changes, whose paths begin with a section or with ``probes``.

    ``unknown`` instead of a value makes a section unknown for that reason.
    """
    return changed(of, [_rooted(change) for change in changes])


def _rooted(change: Mapping[str, Any]) -> dict[str, Any]:
    first, *rest = change["at"]
    if first == "probes":
        return {**change, "at": ["probes", *rest]}
    whole = ["observation", "data", "sections", first]
    if "unknown" in change:
        return {"at": whole, "set": {"unknown": change["unknown"]}}
    return {**change, "at": whole if change.get("drop") and not rest else [*whole, "seen", *rest]}


def with_policy(base: Policy, changes: Iterable[Mapping[str, Any]]) -> Policy:
    """Return a policy with changes."""
    changes = list(changes)
    if not changes:
        return base
    said = Policy.model_validate(changed(base.model_dump(mode="json", by_alias=True), changes))
    return on_day(said, day_of(AT))


@cache
def _documents(revoked: frozenset[str]) -> dict[str, dict[str, object]]:
    return desired.build(policy(), HOSTS, revoked, trust(policy(), revoked))


def opened(host: str, of: Answer, by: Policy | None = None, revoked: frozenset[str] = LEFT) -> Case:
    """Return what a host's judges look at. Raises ``UnknownError``."""
    said, asleep = dormancy.awake(by or policy(), host, _posture(host, of), revoked, AT)
    told = trust(by or policy(), revoked)
    documents = _documents(revoked) if by is None and not asleep else desired.build(said, [host], revoked, told)
    return Case(
        host=host,
        policy=said,
        desired=documents[host],
        posture=_posture(host, of),
        asleep=tuple(sorted(asleep)),
        at=AT,
        revoked=revoked,
        probes=tuple(Observation.model_validate(probe(host, row)) for row in of["probes"]),
    )


def _posture(host: str, of: Answer) -> Posture:
    return open_posture(of["observation"], host=host, nonce=NONCE, host_key=None)


def probe(host: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a probe of this run about a host."""
    return {"schema": 1, "kind": Kind.PROBE, "subject": host, "nonce": NONCE, "at": AT.isoformat(), "data": dict(data)}


def record(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record of this run about the site."""
    return {**probe("site", data), "kind": Kind.RECORD}


def opened_site(
    answers: Mapping[str, Answer],
    by: Policy | None = None,
    revoked: frozenset[str] = LEFT,
    records: Iterable[Mapping[str, Any]] = (),
    tries: Mapping[str, Mapping[str, str]] | None = None,
) -> SiteCase:
    """Return what the site's judges look at; a host whose answer cannot be opened is missing there."""
    said = by or small_site()
    postures = {}
    for host, of in answers.items():
        try:
            postures[host] = _posture(host, of)
        except UnknownError:
            continue
    told = tuple(Observation.model_validate(record(row)) for row in records)
    probes = {host: (tried(said, host, results),) for host, results in (tries or {}).items()}
    return SiteCase(policy=said, postures=postures, at=AT, revoked=revoked, records=told, probes=probes)


def tried(by: Policy, host: str, results: Mapping[str, str]) -> Observation:
    """Return a host's part of the zone matrix: all that it is asked to try, with ``else`` for what is not named."""
    rest = {**results}
    usual = rest.pop("else", "timeout")
    asked = plan.tries_from(by, host)
    rows = [[*one, "", rest.pop(f"{one[0]} {one[1]}/{one[2]}", usual), 1600] for one in asked]
    assert not rest, f"{host} is not asked to try {sorted(rest)}"
    return Observation.model_validate(probe(host, {"what": "zones", "tries": rows}))


def judged(control: Control, case: Case | SiteCase) -> Verdict:
    """Return one control's verdict, as an audit comes to it."""
    rows = (
        judging.judge_site([control], case, case.policy)
        if isinstance(case, SiteCase)
        else judging.judge_host([control], case.host, lambda: case, case.policy)
    )
    (row,) = rows
    return row.verdict


def looked_at(control: Control, case: Case | SiteCase) -> set[tuple[str, str]]:
    """Return the sections that a judge looks at, each with its host."""
    judged(control, case)
    postures = case.postures if isinstance(case, SiteCase) else {case.host: case.posture}
    return {(host, section) for host, posture in postures.items() for section in SECTIONS if section in vars(posture)}


def audited(
    answers: Mapping[str, Any],
    by: Policy | None = None,
    *,
    unsound: str = "",
    pinned: Mapping[str, str] | None = None,
    records: Iterable[object] = (),
) -> dict[tuple[str, str], Verdict]:
    """Return the verdicts of a whole audit, by subject and control, on answers as they come from the network."""
    run = runs.Run(
        policy=by or policy(),
        revoked=LEFT,
        host_keys=pinned or {},
        nonce=NONCE,
        at=AT,
        state="nowhere",
        unsound=unsound,
        trust=trust(by or policy(), LEFT),
    )
    return {(row.subject, row.control): row.verdict for row in audit.judge(run, answers, records)}


def is_automated(control: Control) -> bool:
    """Return whether a machine judges a control."""
    return (control.site_judge if control.scope is Scope.SITE else control.judge) is not None
