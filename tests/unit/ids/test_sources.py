"""Rules of others: read from where policy says, refused where there are none, and never in the place of ours."""

from __future__ import annotations

import os
import re
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from haechi.ids import sources

ONE = 'alert tcp any any -> any any (msg:"one"; metadata:created_at 2024_01_02, updated_at 2026_11_20; sid:2000001;)'
TWO = 'alert udp any any -> any any (msg:"two"; sid:2000002;)'


def source(path: str, **more: Any) -> dict[str, Any]:
    return {"name": "emerging", "path": path, "url": None, "block": False} | more


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two files of rules."""
    (tmp_path / "b.rules").write_text(f"# {TWO}\n{TWO}\n\n#comment\n")
    (tmp_path / "a.rules").write_text(ONE.replace("(msg", "\\\n  (msg") + "\n")
    return tmp_path


def test_rules_are_the_lines_in_force_by_file_name(folder: Path) -> None:
    """Comments are none, and a backslash continues a line."""
    read = sources.read(source("."), folder)

    assert [line[-9:-2] for line in read.text.splitlines()] == ["2000001", "2000002"]
    assert "\\" not in read.text


def test_the_newest_date_in_them_is_their_age(folder: Path) -> None:
    """A copy of today does not make old rules new."""
    assert sources.read(source("."), folder).issued == datetime(2026, 11, 20, tzinfo=UTC)


def test_without_dates_it_is_the_file_s(folder: Path) -> None:
    """Better than nothing."""
    os.utime(folder / "b.rules", (1_700_000_000, 1_700_000_000))

    assert sources.read(source("b.rules"), folder).issued == datetime.fromtimestamp(1_700_000_000, UTC)


def test_a_tar_is_read_where_it_is(folder: Path) -> None:
    """Emerging Threats come as one."""
    with tarfile.open(folder / "emerging.rules.tar.gz", "w:gz") as tar:
        tar.add(folder / "a.rules", "rules/a.rules")

    assert sources.read(source("emerging.rules.tar.gz"), folder).text.count("\n") == 1


def test_alerts_become_drops_where_policy_says_so(folder: Path) -> None:
    """And nowhere else."""
    assert sources.read(source("b.rules", block=True), folder).text.startswith("drop udp")
    assert sources.read(source("b.rules"), folder).text.startswith("alert udp")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "rule source emerging is unknown: {}/x.rules: No such file or directory; bring the rules there"),
        ("# nothing\n", "rule source emerging: {}/x.rules holds no rule of Suricata"),
        ("alert tcp any any -> any any (sid:1078002;)\n", "sid 1078002 is one of Haechi's own"),
    ],
)
def test_what_is_no_source_is_refused_in_one_sentence(tmp_path: Path, text: str | None, words: str) -> None:
    """Before any host is asked."""
    if text is not None:
        (tmp_path / "x.rules").write_text(text)

    with pytest.raises(sources.SourceError, match=re.escape(words.format(tmp_path))):
        sources.read(source("x.rules"), tmp_path)


def test_a_tar_that_is_none_is_refused(tmp_path: Path) -> None:
    """A page of an error that a mirror sent, say."""
    (tmp_path / "x.tar.gz").write_text("<html>")

    with pytest.raises(sources.SourceError, match="rule source emerging is no tar"):
        sources.read(source("x.tar.gz"), tmp_path)
