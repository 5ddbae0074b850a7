"""One profile from the policy to its record: who may have one, and what the evidence says of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from haechi import policy as policies
from haechi import runs, tombstones
from haechi.evidence import single
from haechi.mfa.desk import Desk
from haechi.policy import tunnels
from haechi.policy.models import Policy, State
from haechi.policy.resolve import day_of, on_day
from haechi.policy.vpn import Vpn
from haechi.vpn import ProfileError


def open_desk(inventory: Path, person: str) -> Desk:
    """Return the desk for one person; its one host is the VPN's.

    Raises ``ProfileError`` for whoever has no place in the VPN, ``TombstoneError`` where nobody knows who left.
    """
    loaded = policies.load(inventory)
    if loaded.policy is None or loaded.errors:
        raise ProfileError(
            f"{inventory}: its policy says who may have a profile, and has errors: run `haechi validate`"
        )
    policy = on_day(loaded.policy, day_of(datetime.now(UTC)))
    state = policies.state_dir(policy)
    revoked = tombstones.revoked(state)
    if why := refusal(policy, revoked, person):
        raise ProfileError(why)
    host = vpn_of(policy).host
    return Desk(inventory=inventory, policy=policy, state=state, revoked=revoked, person=person, hosts=(host,))


def refusal(policy: Policy, revoked: frozenset[str], person: str) -> str:
    """Return why a person gets no profile; empty for one who does. Pure."""
    if policy.vpn is None:
        return "policy has no VPN: add vpn.yml, and run site.yml"
    who = next((one for one in policy.identities if one.id == person), None)
    if who is None:
        return f"{person} is nobody of policy: add them to identities.yml first"
    if person in revoked or who.state is not State.ACTIVE:
        return f"{person} is not active: nobody who left or is disabled gets a profile"
    if person not in tunnels.members(policy, revoked):
        return f"{person} has no place in the VPN: give them one of the jobs {', '.join(policy.vpn.jobs)}"
    return ""


def vpn_of(policy: Policy) -> Vpn:
    """Return the VPN of a policy. Raises ``ProfileError`` where it has none."""
    if policy.vpn is None:
        raise ProfileError("policy has no VPN: add vpn.yml, and run site.yml")
    return policy.vpn


def record(desk: Desk, told: Mapping[str, Any]) -> str:
    """Write into the evidence who got a profile, with which certificate and how; return what the second place lacks.

    Raises ``EvidenceError``: the profile is made, and somebody must know.
    """
    document = runs.begin(desk.policy, desk.revoked, desk.state)
    body = {"what": "VPN profile delivered", "person": desk.person, **told}
    words = ("Deliver a profile of the VPN", "haechi vpn profile")
    return single.write("vpn", document, desk.inventory.resolve(), words, ("run", body))[1]
