"""Every play stops, or goes on, as its purpose demands."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from .conftest import ROOT

CONFIGURING = ["bootstrap", "site"]
STOPS = [*CONFIGURING, "firmware", "onboard"]
GOES_ON = ["offboard", "audit", "probe", "review", "incident_drill"]


def plays(name: str) -> list[dict]:
    return yaml.safe_load((ROOT / f"playbooks/{name}.yml").read_text())


@pytest.mark.parametrize("name", STOPS)
def test_a_configuring_play_stops_everywhere_at_the_first_failure(name: str) -> None:
    """One half-hardened fleet is worse than a fleet that was left alone."""
    for play in plays(name):
        assert play.get("any_errors_fatal") is True, play["name"]
        assert play.get("max_fail_percentage") == 0, play["name"]


@pytest.mark.parametrize("name", GOES_ON)
def test_a_revoking_play_goes_on_past_a_dead_host(name: str) -> None:
    """A leaver keeps her other doors if the play stops at the first dead host."""
    for play in plays(name):
        assert play.get("any_errors_fatal") is not True, play["name"]
        assert "max_fail_percentage" not in play, play["name"]
    assert any(play.get("ignore_unreachable") is True for play in plays(name))


def test_every_playbook_judges_the_policy_first() -> None:
    """No host is touched on a policy that nobody judged, except to reach it for the first time."""
    for path in sorted(Path(ROOT / "playbooks").glob("*.yml")):
        first = yaml.safe_load(path.read_text())[0]
        tasks = [*first.get("pre_tasks", []), *first.get("tasks", [])]

        assert "haechi.guard.policy" in tasks[0], path.name


@pytest.mark.parametrize("name", CONFIGURING)
def test_a_configuring_play_hands_each_host_its_own_part(name: str) -> None:
    """A fact of the whole fleet on every host of it would grow with the square of the fleet."""
    for play in plays(name):
        judged, handed = [*play.get("pre_tasks", []), *play.get("tasks", [])][:2]

        assert judged.get("run_once") is True, play["name"]
        assert "haechi.guard.desired" in handed, play["name"]
        assert "run_once" not in handed, play["name"]
        assert handed.get("tags") == judged.get("tags"), play["name"]


def test_a_person_is_judged_before_any_host_and_the_policy_again_before_the_roles() -> None:
    """Whoever left and comes back counts only after the second judgement, and only the person's hosts are touched."""
    (play,) = plays("onboard")
    first, comes, again, handed, *roles, close = play["tasks"]

    assert (first["haechi.guard.policy"]["documents"], comes["haechi.guard.onboard"]["step"]) == (False, "begin")
    assert ("haechi.guard.policy" in again, "haechi.guard.desired" in handed) == (True, True)
    assert [role["ansible.builtin.import_role"]["name"] for role in roles] == [
        "haechi.guard.accounts",
        "haechi.guard.mfa",
    ]
    assert {role["when"] for role in roles} == {"inventory_hostname in __onboard.hosts"}
    assert (close["haechi.guard.onboard"]["step"], close["run_once"]) == ("close", True)


def test_firmware_is_refused_before_any_host_and_installed_on_one_after_the_other() -> None:
    """What breaks the first host must not reach the second; and nothing but the first play's policy is asked before."""
    first, install = plays("firmware")
    judged, handed, refused = first["tasks"]

    assert ("haechi.guard.policy" in judged, "haechi.guard.desired" in handed) == (True, True)
    assert (refused["haechi.guard.firmware"], refused["run_once"]) == ({"step": "window"}, True)
    assert install["serial"] == 1
    assert [task["haechi.guard.firmware"]["step"] for task in install["tasks"]] == ["install"]


def test_whatever_plays_a_role_hands_out_its_document() -> None:
    """A scenario that does not would find no document, and only where no play before it left one."""
    found = [(path, play) for path in sorted(Path(ROOT, "molecule").glob("*/*.yml")) for play in _plays_of(path)]

    assert len(found) > 5
    for path, play in found:
        assert "haechi.guard.desired" in play["pre_tasks"][1], f"{path}: {play['name']}"


def _plays_of(path: Path) -> list[dict]:
    document = yaml.safe_load(path.read_text())
    return [play for play in document if play.get("roles")] if isinstance(document, list) else []


def test_no_play_gathers_facts_it_did_not_ask_for() -> None:
    """Fact gathering costs a round trip on every host, and nothing here reads facts."""
    for path in sorted(Path(ROOT / "playbooks").glob("*.yml")):
        for play in yaml.safe_load(path.read_text()):
            assert play.get("gather_facts") is False, (path.name, play["name"])
