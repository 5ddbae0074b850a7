"""The closing screen, and the same figures for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from haechi.demo.story import LEAVER, Figures


def show(console: Console, figures: Figures) -> None:
    """Print what was measured."""
    table = Table.grid(padding=(0, 3))
    table.add_column(justify="right", style="bold")
    table.add_column()
    table.add_row(str(figures.hosts), "hosts hardened, from bare Debian")
    table.add_row(str(figures.changed), "changes made, each by policy")
    table.add_row(str(figures.controls["pass"]), f"promises seen to hold; {_others(figures.controls)}")
    table.add_row(f"{figures.rerun_s} s", "to run the whole site again")
    table.add_row(f"{figures.denied_all_s} s", f"from `offboard` to {LEAVER} denied on every host")
    table.add_row("yes" if figures.canary_ok else "NO", "her colleague still gets in")
    table.add_row("yes" if figures.evidence_ok else "NO", "the evidence of it all verifies, against its second place")
    table.add_row("report", figures.report)
    table.add_row(f"{figures.wall_s} s", "in all")
    console.print(Panel(table, title="haechi", subtitle="make demo-down removes all of it", expand=False))


def _others(controls: Mapping[str, int]) -> str:
    """Return what else was said: failed, unknown and manual are named even where there is none."""
    words = {"fail": "failed", "unknown": "unknown", "manual": "manual", "not_applicable": "not applicable here"}
    return ", ".join(f"{controls[status]} {word}" for status, word in words.items())


def write(path: Path, figures: Figures) -> None:
    """Write the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(figures), indent=2) + "\n")
