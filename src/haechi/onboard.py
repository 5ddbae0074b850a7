"""A person comes: whether they may, where they get in, and what is left for them to do. Asks no host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from haechi import tombstones
from haechi.keylines import fingerprints
from haechi.policy.factors import factor_of, has_hardware_key, window_of
from haechi.policy.models import Factor, Identity, Kind, Policy, State
from haechi.policy.resolve import access_on, day_of, keys_of, managed, out_of_time, shut_since
from haechi.runs import Run

KEYGEN = "ssh-keygen -t ed25519-sk -O verify-required"


class OnboardError(Exception):
    """Nobody is let in; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """Who comes and where they get in; ``until`` is the last day on which the factor may be missing."""

    person: str
    jobs: tuple[str, ...]
    hosts: tuple[str, ...]
    keys: tuple[str, ...]
    factor: Factor
    device: bool
    until: date | None
    certificates: bool
    rehired: bool = False

    @property
    def codes(self) -> bool:
        """Return whether the person logs in with one-time codes."""
        return self.factor is Factor.TOTP

    def record(self) -> dict[str, Any]:
        """Return what the evidence keeps."""
        who = {"person": self.person, "jobs": list(self.jobs), "hosts": list(self.hosts), "keys": list(self.keys)}
        return {"what": "onboarding", **who, "factor": str(self.factor), "rehired": self.rehired}


def arrival(run: Run, policy: Policy, person: str, *, rehire: bool) -> Arrival:
    """Return the arrival of a person; ``policy`` is as its files say, without the day's dates.

    With ``rehire`` somebody who left may come back. Raises ``OnboardError``.
    """
    who = next((one for one in policy.identities if one.id == person), None)
    if who is None:
        near = get_close_matches(person, [one.id for one in policy.identities], 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise OnboardError(f"{person} is nobody of policy{hint}: add them to identities.yml with a job, and a key")
    back = person in run.revoked
    refused = _refused(who, run) or (_left(policy, who, Path(run.state), rehire=rehire) if back else "")
    if refused:
        raise OnboardError(refused)
    hosts = _hosts(run.policy, person, run.revoked - {person})
    if not hosts:
        raise OnboardError(f"{person} may log in on no host: give them a job that reaches one")
    return Arrival(
        person=person,
        jobs=who.jobs,
        hosts=hosts,
        keys=tuple(fingerprints(keys_of(policy, who))),
        factor=factor_of(policy, who) or Factor.FIDO2,
        device=has_hardware_key(policy, who),
        until=window_of(run.policy, who),
        certificates=policy.pki is not None,
        rehired=back,
    )


def _refused(who: Identity, run: Run) -> str:
    """Return why policy itself keeps somebody out today; empty where it does not."""
    day = day_of(run.at)
    since = shut_since(who, day)
    if who.kind is not Kind.PERSON:
        return f"{who.id} is no person ({who.kind}): playbooks/site.yml makes it"
    if who.state is not State.ACTIVE:
        return (
            f"{who.id} is {who.state} in policy since {who.since}: for somebody who comes back say `state: active`"
            " without `since`, and give them a new key"
        )
    if since is None:
        return ""
    if who.start is not None and day < who.start:
        return f"{who.id} starts on {who.start}: run this on that day, or give another `start`"
    what = "access has ended" if out_of_time(who, day) else "training counts no more"
    return f"{who.id}: {what} since {since}: give a later date in identities.yml"


def _left(policy: Policy, who: Identity, state: Path, *, rehire: bool) -> str:
    """Return why somebody who left does not come back; empty where they may."""
    mine = [row for row in tombstones.read(state).tombstones if row.person == who.id]
    old = sorted({key for row in mine for key in row.keys} & set(fingerprints(keys_of(policy, who))))
    if old:
        return (
            f"{who.id} left, and {', '.join(old)} is a key of before, which stays revoked for ever: put a new one into"
            f" keys.yml ({KEYGEN})"
        )
    if not rehire:
        return (
            f"{who.id} left on {mine[-1].time[:10]} and stays out, whatever policy says. Hired again? With a new key in"
            ' keys.yml run this with -e rehire=true -e reason="..."; nothing else ends it'
        )
    return ""


def _hosts(policy: Policy, person: str, revoked: frozenset[str]) -> tuple[str, ...]:
    return tuple(
        host
        for host in managed(policy)
        for access in access_on(policy, host, revoked)
        if access.identity.id == person and access.login and access.state is State.ACTIVE
    )


def lines(comes: Arrival, codes: Mapping[str, str], inventory: str, left_out: Sequence[str] = ()) -> list[str]:
    """Return in words where the person gets in, and what they have to do. ``codes`` tells of each host."""
    who = comes.person
    here = [host for host in comes.hosts if host not in left_out]
    told = [f"  {who} ({', '.join(comes.jobs)}) gets in on {', '.join(here) or 'no host of this run'}"]
    if left_out:
        told.append(f"  left out by this run: {', '.join(left_out)}")
    by = f" by {comes.until}" if comes.until else ", and gets in nowhere before"
    if comes.codes:
        told.append(_of_codes(comes, codes, by, inventory))
    elif comes.device:
        told.append(f"  {who} logs in with the security key, its PIN and a touch; nothing is left to do")
    else:
        told.append(f"  {who} needs a security key{by}: {KEYGEN}; its .pub line into keys.yml, then run this again")
    if comes.certificates:
        told.append(f"  for a day's work by certificate: haechi cert issue {who} --key FILE.pub -i {inventory}")
    return told


def _of_codes(comes: Arrival, codes: Mapping[str, str], by: str, inventory: str) -> str:
    lacking = [host for host in comes.hosts if codes.get(host) != "present"]
    if len(lacking) < len(comes.hosts):
        rest = f"not yet on {', '.join(lacking)}: run this for them too" if lacking else "nothing is left to do"
        return f"  {comes.person} logs in with key and one-time code; {rest}"
    how = f"together, at a terminal, haechi enrol {comes.person} -i {inventory}"
    return f"  {comes.person} needs one-time codes{by}: {how}"
