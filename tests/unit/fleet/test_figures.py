"""The figures of the fleet bench, and that nothing unproven becomes one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from haechi.cli import main
from haechi.demo import StoryError
from haechi.fleet import screen
from haechi.fleet.figures import Leaving, figures

RECORD: dict[str, Any] = {
    "hosts": {
        "bastion": {"shut_s": 1.5, "denied_s": 1.75},
        "h001": {"shut_s": 3.0, "denied_s": 3.5},
        "h002": {"shut_s": 9.0, "denied_s": 9.25},
    },
    "signed_s": 1.25,
    "denied_all_s": 9.25,
    "open": [],
}
LEAVING = Leaving(record=RECORD, bastion="bastion", cpu_s=0.3, wall_s=11.0, sessions_ended=2)


def test_the_figures_are_those_of_offboard_s_own_record() -> None:
    """Central is the later of signature and bastion; processor time is all of it, over all hosts."""
    found = figures(LEAVING, {"offboard": 11.0}, 2)

    assert (found.hosts, found.central_s, found.first_deny_s, found.last_deny_s) == (3, 1.75, 1.5, 9.0)
    assert (found.all_proven_s, found.cpu_s_per_host, found.sessions_ended) == (9.25, 0.1, 2)


def test_a_late_signature_is_a_late_central_door() -> None:
    """A bastion that refuses proves nothing about the site run that comes after."""
    assert figures(replace(LEAVING, record={**RECORD, "signed_s": 8.0}), {}, 2).central_s == 8.0


@pytest.mark.parametrize(
    ("lack", "said"),
    [
        ({"record": {**RECORD, "denied_all_s": None, "open": ["h002: unreachable: no route"]}}, "h002: unreachable"),
        ({"record": {**RECORD, "denied_all_s": None}}, "nobody was denied"),
        ({"sessions_ended": 1}, "only 1 of 2 sessions ended"),
    ],
)
def test_what_is_not_proven_is_no_figure(lack: dict[str, Any], said: str) -> None:
    """Fast at half of it is nothing to report."""
    with pytest.raises(StoryError, match=said):
        figures(replace(LEAVING, **lack), {}, 2)


def test_each_figure_stands_beside_its_bar(tmp_path: Path) -> None:
    """On the screen and in the file; what is over the bar is called so."""
    found = figures(LEAVING, {"offboard": 11.0}, 2)
    screen.write(tmp_path / "a/fleet.json", found)
    written = json.loads((tmp_path / "a/fleet.json").read_text())

    assert [row[2] for row in screen.rows(found)] == ["2 s: kept", "", "25 s: kept", "0.06 s: MISSED", ""]
    assert written["bars"] == {"central_s": 2.0, "all_proven_s": 25.0, "cpu_s_per_host": 0.06}
    for key in ("hosts", "central_s", "all_proven_s", "cpu_s_per_host", "sessions_ended", "stages_s", *written["bars"]):
        assert key in written


@pytest.mark.parametrize("word", ["1", "1001", "many"])
def test_a_number_of_hosts_that_is_none_is_wrong_usage(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is made."""
    with pytest.raises(SystemExit) as stopped:
        main(["fleet-bench", "--hosts", word])

    assert stopped.value.code == 2
    assert "--hosts" in capsys.readouterr().err
