"""What each host must become reaches that host and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from haechi import handout


def test_a_host_gets_its_own_part_and_reads_nobody_else_s(tmp_path: Path) -> None:
    """One file a host, as large as what it must become, whatever the fleet's size."""
    handout.keep(tmp_path, {f"h{number}": {"accounts": {"of": number}} for number in range(100)})

    assert handout.part(tmp_path, "h7") == {"accounts": {"of": 7}}
    assert len((tmp_path / handout.FOLDER / "h7.json").read_text()) < 50
    assert (tmp_path / handout.FOLDER).stat().st_mode & 0o077 == 0


def test_a_later_play_s_judgement_replaces_the_earlier_one_s(tmp_path: Path) -> None:
    """A host that policy no longer manages has no part left over."""
    handout.keep(tmp_path, {"gw1": {}, "db1": {}})
    handout.keep(tmp_path, {"gw1": {"sshd": {}}})

    assert handout.part(tmp_path, "gw1") == {"sshd": {}}
    with pytest.raises(handout.HandoutError, match="no part for db1: policy does not manage it"):
        handout.part(tmp_path, "db1")
