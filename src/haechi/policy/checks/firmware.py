"""Devices: each with an owner who is a person of policy and has not left."""

from __future__ import annotations

from collections.abc import Iterable

from haechi.policy.models import Policy
from haechi.policy.problems import Problem, Where, did_you_mean
from haechi.policy.resolve import active_people


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of ``firmware``."""
    people = active_people(policy)
    for name, device in policy.firmware.devices.items():
        if device.owner not in people:
            what = f"owner {device.owner} of device {name} is no active person"
            yield where.problem(("firmware", "devices", name, "owner"), what, did_you_mean(device.owner, people))
        if name in policy.hosts and policy.hosts[name].managed:
            what = f"device {name} is a managed host, whose packages Haechi sees to"
            yield where.problem(("firmware", "devices", name), what, "take it out, or say `managed: false` in servers")
