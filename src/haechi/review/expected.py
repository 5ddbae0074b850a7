"""What policy, less those who left, gives each identity on a host, and by which jobs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from haechi.desired.accounts import groups
from haechi.desired.grants import ROOT_SHELL
from haechi.keylines import fingerprints
from haechi.policy.models import Identity, Kind, Policy, State, SudoRule
from haechi.policy.resolve import access_on, means
from haechi.review import sudorules
from haechi.review.model import Expected

NOTHING = Expected(state="absent", login=False, keys=(), groups=(), sudo=())


@dataclass(frozen=True, kw_only=True)
class Known:
    """One whom policy or the list of leavers names."""

    name: str
    kind: str
    owner: str
    jobs: tuple[str, ...]
    expected: Expected


def on(
    policy: Policy, host: str, revoked: frozenset[str], grants: Iterable[Mapping[str, Any]] = ()
) -> dict[str, Known]:
    """Return whom policy knows, by account; a leaver whom it no longer names is a person who must be shut out.

    What is granted for a time is given by policy too, as long as it is open.
    """
    found, grants = {}, tuple(grants)
    for access in access_on(policy, host, revoked):
        who = access.identity
        expected = Expected(
            state=access.state.value,
            login=access.login,
            keys=tuple(sorted(set(fingerprints(access.keys)))) if access.login else (),
            groups=tuple(groups(policy, access)),
            sudo=sudorules.wanted([*access.sudo, *_granted(policy, who.id, host, grants)]),
        )
        jobs = _jobs(policy, who, host) if access.state is State.ACTIVE else ()
        found[who.id] = Known(name=who.name, kind=who.kind.value, owner=_owner(who), jobs=jobs, expected=expected)
    gone = Expected(state="disabled", login=False, keys=(), groups=(), sudo=())
    for person in sorted(revoked - set(found)):
        found[person] = Known(name="", kind=Kind.PERSON.value, owner=person, jobs=(), expected=gone)
    return found


def _granted(policy: Policy, who: str, host: str, grants: Iterable[Mapping[str, Any]]) -> list[SudoRule]:
    mine = [row for row in grants if row["person"] == who and host in row["hosts"]]
    asked = [ROOT_SHELL if row["root_shell"] else tuple(row["commands"]) for row in mine]
    return [SudoRule(commands=commands, nopasswd=policy.privilege.nopasswd) for commands in asked]


def _jobs(policy: Policy, who: Identity, host: str) -> tuple[str, ...]:
    return tuple(name for name in who.jobs if name in policy.jobs and means(policy, policy.jobs[name].hosts, host))


def _owner(who: Identity) -> str:
    return who.id if who.kind is Kind.PERSON else who.owner or ""
