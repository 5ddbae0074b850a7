"""Firmware: devices with an owner who has not left, hosts that exist and are managed, a window, a source with TLS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from haechi.policy.firmware import LVFS
from haechi.policy.models import Policy
from haechi.policy.problems import Path, Problem, Where, did_you_mean
from haechi.policy.resolve import active_people, managed

METADATA = (".xml.zst", ".xml.xz", ".xml.gz")


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of ``firmware.devices``."""
    people = active_people(policy)
    for name, device in policy.firmware.devices.items():
        if device.owner not in people:
            what = f"owner {device.owner} of device {name} is no active person"
            yield where.problem(("firmware", "devices", name, "owner"), what, did_you_mean(device.owner, people))
        if name in policy.hosts and policy.hosts[name].managed:
            what = f"device {name} is a managed host, whose packages Haechi sees to"
            yield where.problem(("firmware", "devices", name), what, "take it out, or say `managed: false` in servers")


def hosts(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of ``firmware.hosts``, and of when and from where they are updated."""
    rules, known = policy.firmware, managed(policy)
    for number, name in enumerate(rules.hosts):
        path: Path = ("firmware", "hosts", number)
        if name in policy.hosts and name not in known:
            what = f"{name} is not managed, so nobody installs fwupd there"
            yield where.problem(path, what, "put it into `firmware.devices`, or say `managed: true` in servers")
        elif name not in known:
            yield where.problem(path, f"host {name} is defined nowhere", did_you_mean(name, known))
        elif name in rules.hosts[:number]:
            yield where.problem(path, f"{name} stands twice", "name it once")
    if rules.hosts and rules.window is None:
        what = "nothing says when firmware of these hosts may be installed"
        yield where.problem(("firmware", "hosts"), what, "add `window: {day: sunday, start: '02:00', minutes: 120}`")
    yield from _source(policy, where)


def _source(policy: Policy, where: Where) -> Iterator[Problem]:
    source = policy.firmware.source
    if source is not None and source != LVFS and not (source.startswith("https://") and source.endswith(METADATA)):
        what = f"{source} tells of no updates that a host could believe"
        mend = "write `lvfs`, or https://.../firmware.xml.zst of a mirror: what LVFS signed lies beside it"
        yield where.problem(("firmware", "source"), what, mend)
