"""The closing table of the fleet bench, and the same figures for machines."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from haechi.bench.screen import bar
from haechi.fleet.figures import BARS, Figures

# Measured elsewhere, on such a machine, with 30 hosts.
PEER = "ansible.builtin.user state=absent: 10 s for 30 hosts, no session ended"
PEER_CPU = "0.2 s"
TITLES = ("what", "measured", "bar", "others")


def rows(figures: Figures) -> list[tuple[str, str, str, str]]:
    """Return the table's lines: what, measured, bar, others."""
    central, proven, cpu = figures.central_s, figures.all_proven_s, figures.cpu_s_per_host
    return [
        ("tombstone signed, bastion proven", f"{central} s", bar(central, BARS["central_s"], "s"), ""),
        ("first and last host shut", f"{figures.first_deny_s} to {figures.last_deny_s} s", "", ""),
        (f"all {figures.hosts} hosts proven", f"{proven} s", bar(proven, BARS["all_proven_s"], "s"), PEER),
        ("controller CPU for each host", f"{cpu} s", bar(cpu, BARS["cpu_s_per_host"], "s"), PEER_CPU),
        ("sessions ended, each with a child that ran away", str(figures.sessions_ended), "", "0"),
    ]


def show(console: Console, figures: Figures) -> None:
    """Print what was measured."""
    table = Table(title="One leaver, from `offboard` on", caption="others: measured elsewhere, on such a machine")
    for title in TITLES:
        table.add_column(title)
    for row in rows(figures):
        table.add_row(*row)
    console.print(table)


def write(path: Path, figures: Figures) -> None:
    """Write the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(figures), indent=2) + "\n")
