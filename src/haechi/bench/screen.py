"""The closing table of the bench, and the same figures for machines."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from haechi.bench.figures import Figures, Way

SITE_BAR, AUDIT_BAR, CPU_BAR, FAILOVER_BAR = 5.0, 3.0, 1.5, 3.0
# Measured elsewhere, on such a machine, on an unchanged host; pings and seconds as here.
PEERS = "dev-sec os+ssh 108, konstruktoid 103, DEBIAN12-CIS 88 pings"
PEERS_CPU = "44 to 60 s"
TITLES = ("what", "measured", "bar", "others")


def rows(figures: Figures, host: str, hosts: int) -> list[tuple[str, str, str, str]]:
    """Return the table's lines: what, measured, bar, others."""
    site, audit, cpu = figures.site_rerun_pings, figures.audit_pings, figures.cpu_s_per_extra_host
    lost = figures.failover_s
    return [
        (f"one ping playbook on {host}, the unit", f"{figures.ping_s} s", "", ""),
        (f"site again on {host}, unchanged", _pings(site, figures.ping_s), bar(site, SITE_BAR, "pings"), PEERS),
        (f"audit of {host}, all its controls", _pings(audit, figures.ping_s), bar(audit, AUDIT_BAR, "pings"), ""),
        ("controller CPU for each further host", f"{cpu} s", bar(cpu, CPU_BAR, "s"), PEERS_CPU),
        (f"first converge of {host}, nothing fetched", f"{figures.first_converge_s} s", "", ""),
        (f"site again on all {hosts} hosts", f"{figures.lab_rerun_s} s", "", ""),
        ("customers without service when an edge is lost", f"{lost} s", bar(lost, FAILOVER_BAR, "s"), ""),
        ("one client through intrusion prevention", _way(figures.inspected), "", ""),
        ("the same past it", _way(figures.uninspected), "", ""),
    ]


def bar(value: float, most: float, unit: str) -> str:
    """Return the bar, and whether the value keeps below it."""
    return f"{most:g} {unit}: {'kept' if value <= most else 'MISSED'}"


def show(console: Console, figures: Figures, host: str, hosts: int) -> None:
    """Print what was measured."""
    table = Table(title="Medians on the standing lab", caption="others: measured elsewhere, on such a machine")
    for title in TITLES:
        table.add_column(title)
    for row in rows(figures, host, hosts):
        table.add_row(*row)
    console.print(table)


def write(path: Path, figures: Figures) -> None:
    """Write the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(figures), indent=2) + "\n")


def _way(way: Way) -> str:
    return f"{way.per_s} requests/s, p50 {way.p50_ms} ms, p99 {way.p99_ms} ms"


def _pings(number: float, ping_s: float) -> str:
    return f"{number} pings ({number * ping_s:.1f} s)"
