"""A review on the standing lab: what somebody adds by hand is shown, that and nothing else, until it is gone."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Lab

KEY = "SHA256:OfhjmB8nZxLXvY8dTfGhQ46H6fX6ncVHou8J3eaDUFg"
PLANT = """
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBVPBJhpNsMMFlqRRGs5Pn0Wtj8hgHSAYEOe1ZnQ3FfR stranger' \
    >> /etc/ssh/authorized_keys.d/minho
usermod --append --groups disk minho
umask 337; echo 'minho ALL=(root) /usr/bin/less /etc/shadow' > /etc/sudoers.d/hx
"""
REMOVE = """
sed -i '/ stranger$/d' /etc/ssh/authorized_keys.d/minho
gpasswd --delete minho disk
rm -f /etc/sudoers.d/hx
"""


@pytest.fixture
def planted(lab: Lab) -> Iterator[Lab]:
    """Put a key, a group and a rule of sudo on one machine by hand, and take away afterwards what is left of them."""
    done = lab.inside("app1", "sh", "-ec", PLANT)
    assert done.returncode == 0, done.stderr
    try:
        yield lab
    finally:
        lab.inside("app1", "sh", "-c", REMOVE)


def review(lab: Lab, out: Path) -> tuple[int, str, list[dict[str, str]]]:
    """Run the playbook and return its exit code, its words and the rows of its sheet."""
    done = lab.playbook("playbooks/review.yml", "-e", f"review_out={out}")
    with (out / "review.csv").open(encoding="utf-8-sig", newline="") as file:
        return done.returncode, done.stdout, list(csv.DictReader(file))


def differences(words: str) -> list[str]:
    return re.findall(r"(?m)^ *(?:SURPLUS|MISSING|UNKNOWN) +[0-9a-f]{10} (.*)$", words)


def test_nothing_differs_on_the_hardened_lab(lab: Lab, tmp_path: Path) -> None:
    """Everybody has exactly what policy gives: nine hosts, every one of them seen."""
    code, words, rows = review(lab, tmp_path)

    assert code == 0, words
    assert "9 hosts, " in words
    assert ": 0 differences" in words
    assert [row for row in rows if row["surplus"] or row["missing"] or row["unknown"]] == []
    assert {row["host"] for row in rows if row["account"] == "minho" and row["enters"] == "yes"} == {
        *("gw1", "edge1", "edge2", "app1", "db1", "ops1", "log1", "vault1", "backup1")
    }
    assert {row["enters"] for row in rows if row["account"] == "root"} == {"no"}


def test_what_was_added_by_hand_is_shown_and_nothing_else(planted: Lab, tmp_path: Path) -> None:
    """A key, a group and a rule on one host: three differences, on that host; removed, none."""
    code, words, rows = review(planted, tmp_path)

    assert code != 0
    assert sorted(differences(words)) == [
        "minho on app1: group disk",
        f"minho on app1: key {KEY}",
        "minho on app1: sudo (root) /usr/bin/less /etc/shadow",
    ]
    assert [(row["account"], row["host"]) for row in rows if row["surplus"] or row["missing"]] == [("minho", "app1")]
    assert KEY in (tmp_path / "review.html").read_text()

    removed = planted.inside("app1", "sh", "-ec", REMOVE)
    assert removed.returncode == 0, removed.stderr
    code, words, _ = review(planted, tmp_path)

    assert (code, differences(words)) == (0, [])


def test_a_host_that_was_left_out_cannot_be_signed_for(lab: Lab, tmp_path: Path) -> None:
    """`--limit` never shrinks what has to be reviewed."""
    done = lab.playbook("playbooks/review.yml", "--limit", "app1,ops1", "-e", f"review_out={tmp_path}")

    assert done.returncode != 0
    assert "db1: was not asked" in done.stdout
