"""From what was measured to the figures of the bench: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Sample:
    """One run of a playbook: seconds by the clock, and seconds of processor that its processes here used."""

    seconds: float
    cpu_s: float


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was measured of the perimeter: seconds of each question on both ways, and of the fail-over."""

    inspected: Sequence[float]
    uninspected: Sequence[float]
    gap_s: float


@dataclass(frozen=True, kw_only=True)
class Way:
    """What one client is answered on one way, its questions in a row: how many a second, and how long they take."""

    per_s: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, kw_only=True)
class Samples:
    """All runs, in the order in which they were made.

    ``ping``, ``site`` and ``audit`` are of one host, ``lab`` of all ``hosts`` at once; ``converge`` is one bare host's.
    """

    hosts: int
    ping: Sequence[Sample]
    site: Sequence[Sample]
    audit: Sequence[Sample]
    lab: Sequence[Sample]
    converge: Sample
    perimeter: Seen


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the bench reports: keys ending in ``_s`` are seconds, in ``_pings`` multiples of ``ping_s``."""

    ping_s: float
    site_rerun_pings: float
    audit_pings: float
    cpu_s_per_extra_host: float
    first_converge_s: float
    lab_rerun_s: float
    failover_s: float
    inspected: Way
    uninspected: Way


def seconds(samples: Sequence[Sample]) -> float:
    """Return the median time of some runs in seconds.

    Raises ``statistics.StatisticsError`` where there was none.
    """
    return median(sample.seconds for sample in samples)


def cpu_per_extra_host(one: Sequence[Sample], all_hosts: Sequence[Sample], hosts: int) -> float:
    """Return the seconds of processor that each host after the first costs the controller.

    Raises ``ValueError`` for fewer than two hosts, where there is no such host.
    """
    if hosts < 2:  # noqa: PLR2004 -- a second host is what this is about
        raise ValueError("what a further host costs takes two hosts")
    return (median(s.cpu_s for s in all_hosts) - median(s.cpu_s for s in one)) / (hosts - 1)


def way(took: Sequence[float]) -> Way:
    """Return the figures of questions of which each took so many seconds.

    Raises ``StatisticsError`` for fewer than two.
    """
    shares = quantiles(took, n=100, method="inclusive")
    return Way(
        per_s=round(len(took) / sum(took), 1),
        p50_ms=round(shares[49] * 1000, 2),
        p99_ms=round(shares[98] * 1000, 2),
    )


def figures(samples: Samples) -> Figures:
    """Return the figures: medians, so that one disturbed run moves none of them."""
    ping = seconds(samples.ping)
    return Figures(
        ping_s=round(ping, 2),
        site_rerun_pings=round(seconds(samples.site) / ping, 1),
        audit_pings=round(seconds(samples.audit) / ping, 1),
        cpu_s_per_extra_host=round(cpu_per_extra_host(samples.site, samples.lab, samples.hosts), 2),
        first_converge_s=round(samples.converge.seconds, 1),
        lab_rerun_s=round(seconds(samples.lab), 1),
        failover_s=round(samples.perimeter.gap_s, 2),
        inspected=way(samples.perimeter.inspected),
        uninspected=way(samples.perimeter.uninspected),
    )
