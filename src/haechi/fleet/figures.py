"""From the record of one leaving to the figures of the fleet bench: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from haechi.demo import StoryError

# What is to be reached on two processors, which the hosts themselves share with the controller.
BARS = {"central_s": 2.0, "all_proven_s": 25.0, "cpu_s_per_host": 0.06}


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """What was measured: offboard's own record, and what the clock and the kernel say of the process that wrote it."""

    record: Mapping[str, Any]
    bastion: str
    cpu_s: float
    wall_s: float
    sessions_ended: int


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the bench reports. Seconds are counted from the start of ``ansible-playbook``.

    ``central_s`` is until the tombstone is signed and the bastion is proven to refuse, ``first_deny_s`` and
    ``last_deny_s`` until the first and the last host said that the doors are shut, ``all_proven_s`` until the last
    proof. ``cpu_s_per_host`` is all that the controller's processes used, Ansible's own start included, per host.
    """

    hosts: int
    central_s: float
    first_deny_s: float
    last_deny_s: float
    all_proven_s: float
    cpu_s_per_host: float
    sessions_ended: int
    wall_s: float
    stages_s: Mapping[str, float]
    bars: Mapping[str, float]


def figures(leaving: Leaving, stages: Mapping[str, float], sessions: int) -> Figures:
    """Return the figures.

    Raises ``StoryError`` where a host is not proven, or a session lives on: then there is nothing to be fast at.
    """
    record, hosts = leaving.record, leaving.record["hosts"]
    if record["denied_all_s"] is None or record["open"]:
        raise StoryError(f"not proven on every host: {'; '.join(record['open']) or 'nobody was denied'}")
    if leaving.sessions_ended != sessions:
        raise StoryError(f"only {leaving.sessions_ended} of {sessions} sessions ended")
    shut = [row["shut_s"] for row in hosts.values()]
    return Figures(
        hosts=len(hosts),
        central_s=round(max(record["signed_s"], hosts[leaving.bastion]["denied_s"]), 2),
        first_deny_s=round(min(shut), 2),
        last_deny_s=round(max(shut), 2),
        all_proven_s=round(record["denied_all_s"], 2),
        cpu_s_per_host=round(leaving.cpu_s / len(hosts), 4),
        sessions_ended=leaving.sessions_ended,
        wall_s=leaving.wall_s,
        stages_s=dict(stages),
        bars=BARS,
    )
