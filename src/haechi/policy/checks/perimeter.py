"""Personal data stands behind the DMZ: no host of it where strangers come, no flow from outside straight to it."""

from __future__ import annotations

from collections.abc import Iterable

from haechi.policy.models import Flow, Policy
from haechi.policy.problems import Path, Problem, Where
from haechi.policy.resolve import is_outside, networks4, personal_zones, zone_of

WORDS = {"dmz": "answers strangers", "outside": "is not ours"}


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of where personal data is kept, and of what stands for the internet."""
    yield from _placed(policy, where)
    for index, flow in enumerate(policy.flows):
        yield from _straight(policy, where, ("flows", index), flow)
    for index, beacon in enumerate(policy.perimeter.beacons):
        zone = zone_of(policy, beacon)
        if zone is not None:
            what = f"beacon {beacon} is in zone {zone}, and not beyond all of them"
            yield where.problem(("perimeter", "beacons", index), what, "name an address that no zone holds")


def _placed(policy: Policy, where: Where) -> Iterable[Problem]:
    for name, host in policy.hosts.items():
        exposed = [zone for zone in (host.zone, *host.legs) if zone in policy.zones]
        for zone in exposed if host.personal_data else ():
            exposure = policy.zones[zone].exposure
            if exposure in WORDS:
                what = f"{name} keeps personal data and stands in {zone}, which {WORDS[exposure]}"
                mend = "move it into a zone behind, or take `personal_data: true` out if it keeps none"
                yield where.problem(("servers", name, "personal_data"), what, mend)


def _straight(policy: Policy, where: Where, path: Path, flow: Flow) -> Iterable[Problem]:
    """Yield the ends of a flow that somebody beyond our walls reaches without a stop in between."""
    strangers = [name for name in flow.source if is_outside(policy, name)]
    kept = personal_zones(policy)
    for index, name in enumerate(flow.target if strangers else ()):
        for zone in (zone for zone in kept if _leads_into(policy, name, zone)):
            hosts = ", ".join(kept[zone])
            what = f"flow {flow.name} leads from {strangers[0]} straight into {zone}, where personal data is ({hosts})"
            mend = "end it on a host of the DMZ, and write a flow from there"
            yield where.problem((*path, "to", index), what, mend)


def _leads_into(policy: Policy, name: str, zone: str) -> bool:
    # A gateway has a leg in every zone, and whoever reaches the gateway is in none of them yet.
    if name in policy.hosts:
        return policy.hosts[name].zone == zone
    return any(one.overlaps(policy.zones[zone].cidr) for one in networks4(policy, name) if zone in policy.zones)
