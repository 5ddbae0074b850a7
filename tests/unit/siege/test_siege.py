"""What `make siege` says of lines: one row an attack, and what did not hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import siege

BLOCKED = {"attack": "sqlmap", "blocked": True, "seen": "audit log of the WAF", "kept": None, "seconds": None}
FLOOD = {"attack": "SYN flood", "blocked": True, "seen": "counter", "kept": 99.4, "seconds": 2.0}
PACE = {"figure": "through the gateway, inline: p50", "value": 1.25, "unit": "ms"}


def lines(tmp_path: Path, *rows: dict[str, object]) -> Path:
    file = tmp_path / "siege.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return file


def test_what_held_is_written_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert siege.main([str(lines(tmp_path, BLOCKED, PACE, FLOOD))]) == 0

    told = json.loads((tmp_path / "siege.json").read_text())
    assert told == {"attacks": [BLOCKED, FLOOD], "figures": [PACE], "wrong": []}
    assert "SYN flood" in (said := capsys.readouterr().out)
    assert "99 % of others kept" in said
    assert "through the gateway, inline: p50" in said
    assert "1.25 ms" in said
    assert said.endswith("2 attacks, 2 as they should be\n")


@pytest.mark.parametrize(
    ("change", "what"),
    [({"blocked": False}, "SYN flood: not blocked"), ({"kept": 98.9}, "SYN flood: 98.9 % kept")],
)
def test_one_that_passed_or_that_others_paid_for_is_an_error(
    tmp_path: Path, change: dict[str, object], what: str
) -> None:
    assert siege.main([str(lines(tmp_path, BLOCKED, FLOOD | change))]) == 1
    assert json.loads((tmp_path / "siege.json").read_text())["wrong"] == [what]


def test_the_last_line_of_an_attack_counts(tmp_path: Path) -> None:
    assert siege.main([str(lines(tmp_path, FLOOD | {"blocked": False}, FLOOD))]) == 0


def test_nothing_at_all_is_no_siege(tmp_path: Path) -> None:
    assert siege.main([str(lines(tmp_path))]) == 1
    assert siege.main([str(tmp_path / "absent")]) == 2
