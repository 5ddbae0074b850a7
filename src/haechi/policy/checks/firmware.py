"""Devices: each with an owner who is a person of policy and has not left."""

from __future__ import annotations

from collections.abc import Iterable

from haechi.policy.models import Kind, Policy, State
from haechi.policy.problems import Problem, Where, did_you_mean


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of ``firmware``."""
    people = {who.id for who in policy.identities if who.kind is Kind.PERSON and who.state is State.ACTIVE}
    for name, device in policy.firmware.devices.items():
        if device.owner not in people:
            what = f"owner {device.owner} of device {name} is no active person"
            yield where.problem(("firmware", "devices", name, "owner"), what, did_you_mean(device.owner, people))
        if name in policy.hosts and policy.hosts[name].managed:
            what = f"device {name} is a managed host, whose packages Haechi sees to"
            yield where.problem(("firmware", "devices", name), what, "take it out, or say `managed: false` in servers")
