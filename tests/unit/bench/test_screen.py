"""What a person and a program read of the bench."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from haechi.bench import screen
from haechi.bench.figures import Figures, Way

FIGURES = Figures(
    ping_s=1.5,
    site_rerun_pings=4.0,
    audit_pings=3.1,
    cpu_s_per_extra_host=1.5,
    first_converge_s=21.5,
    lab_rerun_s=14.2,
    failover_s=2.2,
    inspected=Way(per_s=40.0, p50_ms=25.0, p99_ms=29.9),
    uninspected=Way(per_s=100.0, p50_ms=10.0, p99_ms=10.0),
)


def test_a_time_is_told_in_pings_and_in_seconds() -> None:
    """A person who knows her machine reads seconds, one who compares machines reads pings."""
    told = {row[0]: row[1:] for row in screen.rows(FIGURES, "edge1", 9)}

    assert told["site again on edge1, unchanged"] == ("4.0 pings (6.0 s)", "5 pings: kept", screen.PEERS)
    assert told["site again on all 9 hosts"] == ("14.2 s", "", "")
    assert told["customers without service when an edge is lost"] == ("2.2 s", "3 s: kept", "")
    assert told["the same past it"] == ("100.0 requests/s, p50 10.0 ms, p99 10.0 ms", "", "")


@pytest.mark.parametrize(("value", "expected"), [(3.0, "3 pings: kept"), (3.1, "3 pings: MISSED")])
def test_a_missed_bar_is_told(value: float, expected: str) -> None:
    """The bar itself still keeps it."""
    assert screen.bar(value, 3.0, "pings") == expected


def test_the_table_says_where_the_other_figures_come_from(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody takes another project's figures for measured here."""
    screen.show(Console(width=160), FIGURES, "edge1", 9)

    out = capsys.readouterr().out
    assert "measured elsewhere, on such a machine" in out
    assert "3 pings: MISSED" in out


def test_a_program_reads_the_same_figures(tmp_path: Path) -> None:
    """The keys are what others build on."""
    screen.write(tmp_path / "artifacts/bench.json", FIGURES)

    assert json.loads((tmp_path / "artifacts/bench.json").read_text()) == {
        "ping_s": 1.5,
        "site_rerun_pings": 4.0,
        "audit_pings": 3.1,
        "cpu_s_per_extra_host": 1.5,
        "first_converge_s": 21.5,
        "lab_rerun_s": 14.2,
        "failover_s": 2.2,
        "inspected": {"per_s": 40.0, "p50_ms": 25.0, "p99_ms": 29.9},
        "uninspected": {"per_s": 100.0, "p50_ms": 10.0, "p99_ms": 10.0},
    }
