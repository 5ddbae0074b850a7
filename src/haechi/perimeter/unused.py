"""Flows that nothing used for so long that somebody should ask what they are for. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from haechi.desired import firewall
from haechi.observe.counted import Flows
from haechi.policy.models import Policy
from haechi.policy.resolve import managed


@dataclass(frozen=True, kw_only=True)
class Idle:
    """A flow, the hosts that have rules of it, and since when none of them counted anything."""

    flow: str
    since: datetime
    hosts: tuple[str, ...]


def unused(policy: Policy, counted: Mapping[str, Flows], tried: Collection[str], at: datetime) -> tuple[Idle, ...]:
    """Return the flows that are known to be unused for ``perimeter.unused_days``, in policy's order.

    ``counted`` is what each host's counters say, ``tried`` are flows that the zone matrix itself uses: of those nobody
    can tell who else does. Nor of a flow of which a host did not tell its count.
    """
    holders: dict[str, list[str]] = {}
    for host in managed(policy):
        for flow in {rule.flow for rule in firewall.rules(policy, host)}:
            holders.setdefault(flow, []).append(host)
    found = []
    for flow in (flow.name for flow in policy.flows if flow.name not in tried and flow.name in holders):
        since = [_idle_since(counted[host], flow) if host in counted else None for host in holders[flow]]
        known = [one for one in since if one is not None]
        if len(known) == len(since) and at - max(known) >= timedelta(days=policy.perimeter.unused_days):
            found.append(Idle(flow=flow, since=max(known), hosts=tuple(holders[flow])))
    return tuple(found)


def _idle_since(counted: Flows, flow: str) -> datetime | None:
    """Return since when a host is known to have counted nothing; None for a flow that it counted, or has no counter of.

    Nothing of before the boot counts: what was counted between the last harvest and it is lost.
    """
    if counted.counters.get(flow) != 0:
        return None
    since = counted.since
    begins = [counted.booted, *(row.at for row in counted.harvested)]
    for row, began in zip(reversed(counted.harvested), reversed(begins[:-1]), strict=True):
        if row.counters.get(flow) != 0:
            return row.at
        since = began
    return since
