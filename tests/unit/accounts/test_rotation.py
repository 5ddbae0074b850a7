"""Shared secrets after a leaving: due until somebody else says that they were changed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from haechi import rotation, tombstones
from haechi.cli import main
from haechi.policy.leaving import SharedSecret
from haechi.policy.models import Policy
from tests.unit.sshd.conftest import policy as small

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
SECRETS = [
    {"name": "switch", "where": "the core switch", "jobs": ["operator"], "rotate": "by hand, runbook 12"},
    {"name": "safe", "where": "the safe", "people": ["carol"], "rotate": "by hand"},
]


@pytest.fixture
def site() -> Policy:
    return small(shared_secrets=SECRETS)


def test_who_knows_what(site: Policy) -> None:
    """By job and by name; nobody knows what policy does not say."""
    assert [[one.name for one in rotation.known(site, who)] for who in ("ann", "carol", "zoe")] == [
        ["switch"],
        ["safe"],
        [],
    ]


def test_a_leaving_makes_it_due_until_it_was_changed(site: Policy, tmp_path: Path) -> None:
    """A second run over the same leaving adds nothing; a later leaver's secrets stand beside it."""
    first = rotation.leave(tmp_path, site, "ann", NOON)
    again = rotation.leave(tmp_path, site, "ann", NOON)
    both = rotation.leave(tmp_path, site, "carol", NOON)

    assert first == again
    assert [(row.name, row.person, row.since) for row in both] == [
        ("switch", "ann", "2026-11-26T12:00:00+00:00"),
        ("safe", "carol", "2026-11-26T12:00:00+00:00"),
    ]
    assert "the core switch" in str(first[0])
    assert "haechi rotated switch --by ID" in str(first[0])

    rotation.rotated(tmp_path, "switch", "dan", NOON)
    assert [row.name for row in rotation.open_items(rotation.read(tmp_path))] == ["safe"]
    assert [(row.name, row.by) for row in rotation.read(tmp_path)] == [("switch", "dan"), ("safe", "")]
    assert rotation.leave(tmp_path, site, "ann", NOON)[-1].name == "switch", "she came back, and left again"


def moved(site: Policy, **jobs: list[str]) -> Policy:
    """Return the policy in which people have other jobs."""
    rows = [who.model_copy(update={"jobs": tuple(jobs.get(who.id, who.jobs))}) for who in site.identities]
    return site.model_copy(update={"identities": tuple(rows)})


def test_a_change_of_jobs_makes_it_due(site: Policy, tmp_path: Path) -> None:
    """Once, from the first run after it; whoever may know it now, or never did, makes nothing due."""
    assert rotation.move(tmp_path, site, NOON) == ()
    assert rotation.move(tmp_path, moved(site, ann=["operator", "auditor"]), NOON) == ()

    later = moved(site, ann=["auditor"])
    (new,) = rotation.move(tmp_path, later, NOON)

    assert (new.name, new.person, new.done) == ("switch", "ann", "")
    assert rotation.move(tmp_path, later, NOON) == ()
    assert rotation.open_items(rotation.read(tmp_path)) == (new,)
    rotation.rotated(tmp_path, "switch", "dan", NOON)
    assert rotation.move(tmp_path, later, NOON) == ()


def test_a_name_that_is_taken_out_makes_it_due(site: Policy, tmp_path: Path) -> None:
    """And a secret that policy no longer has does not: there is nothing left to change."""
    rotation.move(tmp_path, site, NOON)
    rows = [SharedSecret(**{**SECRETS[1], "people": ["ann"]})]

    assert [row.person for row in rotation.move(tmp_path, site.model_copy(update={"shared_secrets": rows}), NOON)] == [
        "carol"
    ]


def test_a_leaver_is_listed_by_her_leaving_alone(site: Policy, tmp_path: Path) -> None:
    """What was changed after it is not due again when policy forgets her."""
    rotation.move(tmp_path, site, NOON)
    tombstones.record(tmp_path, "ann", now=NOON)
    rotation.leave(tmp_path, site, "ann", NOON)
    rotation.rotated(tmp_path, "switch", "dan", NOON)

    assert rotation.move(tmp_path, moved(site, ann=[]), NOON) == ()


def test_what_cannot_be_recorded(site: Policy, tmp_path: Path) -> None:
    """What is not due, the leaver's own word, and a record that somebody damaged."""
    rotation.leave(tmp_path, site, "ann", NOON)
    with pytest.raises(rotation.RotationError, match="safe is not due; due are: switch"):
        rotation.rotated(tmp_path, "safe", "carol", NOON)
    with pytest.raises(rotation.RotationError, match="ann is the one who left or moved"):
        rotation.rotated(tmp_path, "switch", "ann", NOON)
    (tmp_path / rotation.HOLDERS).write_text("[]")
    with pytest.raises(rotation.RotationError, match="no record of who knew what"):
        rotation.move(tmp_path, site, NOON)
    (tmp_path / rotation.FILE).write_text("{")
    with pytest.raises(rotation.RotationError, match="restore it from backup"):
        rotation.read(tmp_path)


@pytest.mark.exhaustive
def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It lists what is due, takes an active person's word, and nobody else's."""
    monkeypatch.setenv("HAECHI_STATE_DIR", str(tmp_path))
    inventory = Path(__file__).parents[3] / "inventories/example"
    state = tmp_path / "ekyc"
    state.mkdir()
    site = small(shared_secrets=SECRETS)
    from haechi.policy import load, state_dir  # noqa: PLC0415

    loaded = load(inventory).usable
    assert loaded is not None
    rotation.leave(state_dir(loaded), site, "ann", NOON)
    by = next(who.id for who in loaded.identities if who.kind == "person" and who.state == "active")
    argv = ["rotated", "-i", str(inventory)]

    assert [main([*argv]), main([*argv, "switch", "--by", "nobody"]), main([*argv, "switch", "--by", by])] == [1, 1, 0]
    assert main(argv) == 0
    said = capsys.readouterr()
    assert "secret switch (the core switch), which ann knew" in said.out
    assert "name an active person" in said.err
