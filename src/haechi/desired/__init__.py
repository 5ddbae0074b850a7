"""What one host must become, computed from policy: pure, and the only thing roles read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from haechi.desired import (
    accounts,
    baseline,
    break_glass,
    edge,
    firewall,
    firmware,
    grants,
    ids,
    mfa,
    offboarding,
    pki,
    recorder,
    sshd,
    vpn,
)
from haechi.hr.handover import NOTHING, Handover
from haechi.pki.trust import NO_AUTHORITY, Trust
from haechi.policy.models import Kind, Policy, State
from haechi.policy.resolve import access_on, managed, operators_on
from haechi.seal.store import Seal

__all__ = ["More", "build", "grants", "prove"]


@dataclass(frozen=True, kw_only=True)
class More:
    """What the state folder adds to policy and only hosts need: grants, the seal, by what HR's word is verified."""

    granted: tuple[Mapping[str, Any], ...] = ()
    seal: Seal | None = None
    handed: Handover = NOTHING


NOTHING_MORE = More()


def build(
    policy: Policy,
    hosts: Iterable[str],
    revoked: frozenset[str],
    trust: Trust = NO_AUTHORITY,
    more: More = NOTHING_MORE,
) -> dict[str, dict[str, object]]:
    """Return for each managed host of ``hosts`` one document a role, and what a guarded change must prove there.

    Shape: ``{host: {role: {}, prove: {}}}``; what a host has no part in, such as ``ids`` or ``firmware``, is None.
    """
    known = set(managed(policy))
    return {
        host: {
            "baseline": baseline.build(policy, host, revoked),
            "pki": pki.build(policy, host, trust),
            "recorder": recorder.build(policy, host, trust),
            "accounts": accounts.build(policy, host, revoked, trust, more.granted),
            "break_glass": break_glass.build(policy, host, revoked, more.seal),
            "mfa": mfa.build(policy, host, revoked),
            "sshd": sshd.build(policy, host, trust),
            "edge": edge.build(policy, host),
            "firewall": firewall.build(policy, host, revoked),
            "offboarding": offboarding.build(policy, host, more.handed),
            "firmware": firmware.build(policy, host),
            "ids": ids.build(policy, host),
            "vpn": vpn.build(policy, host, revoked, trust),
            "prove": prove(policy, host, revoked),
        }
        for host in hosts
        if host in known
    }


def prove(policy: Policy, host: str, revoked: frozenset[str]) -> dict[str, object]:
    """Return whose way in a change on a host must leave open, and for a gateway the hosts to reach through it."""
    access = [a for a in access_on(policy, host, revoked) if a.state is State.ACTIVE and a.login]
    by_kind = {a.identity.kind: a.identity.id for a in access}
    return {
        "automation": by_kind.get(Kind.AUTOMATION),
        "sentinel": by_kind.get(Kind.SENTINEL),
        "operators": [{"id": a.identity.id, "keys": list(a.keys)} for a in operators_on(policy, host, revoked)],
        "through": list(_through(policy, host)),
    }


def _through(policy: Policy, gateway: str) -> Iterable[str]:
    here = policy.hosts[gateway]
    for zone in here.legs if here.gateway else ():
        beyond = [name for name in managed(policy) if policy.hosts[name].zone == zone and name != gateway]
        yield from beyond[:1]
