"""The register of privileged identities: who could be root on a host, who answers for it, when it was used. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from haechi.dormancy import day_number
from haechi.observe.granted import Grant
from haechi.observe.posture import Posture, UnknownError
from haechi.observe.sections import Account
from haechi.observe.sudoers import items, specs, subjects
from haechi.policy.checks.access import AS_GOOD_AS_ROOT
from haechi.policy.models import Identity, Kind, Policy

ROOT, KEY = "root", "key"
GROUPS = AS_GOOD_AS_ROOT | {"sudo", "wheel", "incus-admin"}
# They are privileged by what they are for, whatever a host gives them.
KINDS = frozenset({Kind.AUTOMATION, Kind.BREAK_GLASS})


class Right(NamedTuple):
    """What makes somebody privileged: the first is a word of ``_SAID``."""

    what: str
    value: str = ""

    def __str__(self) -> str:
        """Return it as judges say it."""
        return _SAID[self.what].format(self.value)


_SAID = {
    "uid0": "uid 0",
    "group": "group {}",
    "all": "sudo: ALL",
    "commands": "sudo: {} commands",
    "grant": "for a time: {}",
    "key": "key: {}",
    "automation": "automation",
    "break_glass": "break-glass",
}


@dataclass(frozen=True, kw_only=True)
class Privileged:
    """One identity on one host. ``owner`` is "" where nobody answers for it.

    ``kind`` is the identity's, ``root``, ``key``, or "" for an account that policy does not know. ``last`` is the day
    of the last login on record, None for none; ``recorded`` tells whether the host's record could be read.
    """

    host: str
    account: str
    kind: str
    owner: str
    rights: tuple[Right, ...]
    last: date | None
    recorded: bool


def privileged(policy: Policy, host: str, posture: Posture) -> tuple[Privileged, ...]:
    """Return the privileged identities of a host, root first.

    Raises ``UnknownError`` where accounts or sudo rules were not seen.
    """
    people = {identity.id: identity for identity in policy.identities}
    last, recorded = _logins(posture)
    found = [
        Privileged(
            host=host,
            account=row.name,
            kind=_kind(row, people.get(row.name)),
            owner=owner(policy, row.name),
            rights=rights,
            last=last.get(row.name),
            recorded=recorded,
        )
        for row, rights in holders(policy, posture, _grants(posture))
    ]
    return tuple(sorted(found, key=lambda row: (row.account != ROOT, row.account)))


def holders(policy: Policy, posture: Posture, grants: Iterable[Grant]) -> Iterator[tuple[Account, tuple[Right, ...]]]:
    """Yield the accounts that could be root on a host, each with why. Raises as ``privileged`` does."""
    standing = [grant for grant in grants if grant.rules]
    people = {identity.id: identity for identity in policy.identities}
    for row in posture.accounts.rows:
        rights = tuple(_rights(row, people.get(row.name), posture, standing))
        if rights:
            yield row, rights


def signing_keys(policy: Policy) -> tuple[Privileged, ...]:
    """Return the keys by which whoever holds them makes access or evidence; they log in nowhere, so nobody saw when."""
    found = [("control node", "evidence", "signs the evidence"), ("control node", "tombstones", "signs who left")]
    if policy.pki is not None:
        found += [(policy.pki.host, f"{what}_ca", f"signs certificates of {what}s") for what in ("user", "host")]
        found += [(policy.pki.host, "vpn_people", "signs certificates for the VPN")] if policy.vpn is not None else []
    return tuple(
        Privileged(
            host=host,
            account=name,
            kind=KEY,
            owner=owner(policy, ROOT),
            rights=(Right("key", what),),
            last=None,
            recorded=False,
        )
        for host, name, what in found
    )


def owner(policy: Policy, account: str) -> str:
    """Return who answers for an account: a person for herself, the automation's owner for root too, or nobody."""
    for identity in policy.identities:
        if identity.id == account or (account == ROOT and identity.kind is Kind.AUTOMATION):
            return identity.id if identity.kind is Kind.PERSON else identity.owner or ""
    return ""


def _rights(row: Account, identity: Identity | None, posture: Posture, grants: Iterable[Grant]) -> Iterator[Right]:
    if row.uid == 0:
        yield Right("uid0")
    if identity is not None and identity.kind in KINDS:
        yield Right(str(identity.kind))
    yield from (Right("grant", grant.id) for grant in grants if grant.person == row.name)
    names = {group.gid: group.name for group in posture.accounts.groups}
    groups = {*row.groups, names.get(row.gid, "")}
    for group in sorted(groups & GROUPS):
        if row.uid != 0:
            yield Right("group", group)
    mine = {row.name, "ALL", *(f"%{group}" for group in groups)}
    commands = [
        str(entry.get("command", entry) if isinstance(entry, dict) else entry)
        for rule in posture.sudo.rules
        if mine & set(subjects(rule))
        for spec in specs(rule)
        for entry in items(spec.get("Commands"))
    ]
    if commands and row.uid != 0:
        yield Right("all") if "ALL" in commands else Right("commands", str(len(commands)))


def _grants(posture: Posture) -> tuple[Grant, ...]:
    """Return the grants of a host; a run from before there were any showed none."""
    try:
        return posture.grants
    except UnknownError:
        return ()


def _kind(row: Account, identity: Identity | None) -> str:
    return str(identity.kind) if identity is not None else ROOT if row.name == ROOT else ""


def _logins(posture: Posture) -> tuple[dict[str, date], bool]:
    try:
        rows = posture.logins.rows
    except UnknownError:
        return {}, False
    return {row.account: day_number(row.last) for row in rows if row.last is not None}, True
