"""One enrolment from the policy to its record: who may be enrolled where, and what the evidence says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from haechi import policy as policies
from haechi import runs, tombstones
from haechi.evidence.recorder import Event, Recorder
from haechi.mfa import EnrolError
from haechi.mfa.deliver import Told
from haechi.policy.factors import factor_of
from haechi.policy.models import Factor, Policy, State
from haechi.policy.resolve import access_on, day_of, managed, on_day


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where somebody is enrolled: policy as it stands today, who has left, and the person's hosts."""

    inventory: Path
    policy: Policy
    state: Path
    revoked: frozenset[str]
    person: str
    hosts: tuple[str, ...]


def open_desk(inventory: Path, person: str) -> Desk:
    """Return the desk for one person.

    Raises ``EnrolError`` for somebody who needs no codes, or gets in nowhere.
    """
    loaded = policies.load(inventory)
    if loaded.policy is None or loaded.errors:
        raise EnrolError(f"{inventory}: its policy says who needs codes, and has errors: run `haechi validate`")
    policy = on_day(loaded.policy, day_of(datetime.now(UTC)))
    who = next((one for one in policy.identities if one.id == person), None)
    if who is None:
        raise EnrolError(f"{person} is nobody of policy: add them to identities.yml first")
    if factor_of(policy, who) is not Factor.TOTP:
        raise EnrolError(
            f"{person} needs no codes: add the public key of a FIDO2 device to policy, or say `factor: totp` for them"
            " under `mfa: people:`"
        )
    state = policies.state_dir(policy)
    revoked = tombstones.revoked(state)
    hosts = tuple(
        host
        for host in managed(policy)
        for access in access_on(policy, host, revoked)
        if access.identity.id == person and access.login and access.state is State.ACTIVE
    )
    if not hosts:
        raise EnrolError(f"{person} may log in on no host: nothing to enrol for")
    return Desk(inventory=inventory, policy=policy, state=state, revoked=revoked, person=person, hosts=hosts)


def record(desk: Desk, told: Mapping[str, Told], how: str) -> str:
    """Write what was done into the evidence, who and where and never what; return what the second place lacks.

    Raises ``EnrolError`` when it cannot be written: the enrolment stands, and somebody must know.
    """
    recorder = Recorder("enrol")
    recorder.begin(runs.begin(desk.policy, desk.revoked, desk.state), desk.inventory.resolve(), check=False)
    for host, one in told.items():
        seen = {"person": desk.person, "how": how, "state": one.state, "msg": one.fault}
        outcome = "unreachable" if one.fault else "changed"
        recorder.saw(Event(task="Enrol codes", host=host, module="haechi enrol", outcome=outcome, result=seen))
    recorder.close({})
    if recorder.problem:
        raise EnrolError(f"enrolled, but not recorded: {recorder.problem}")
    return recorder.warning
