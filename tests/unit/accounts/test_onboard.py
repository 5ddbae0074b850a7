"""Who may come, where they get in, and what is left for them to do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from haechi import onboard, runs, tombstones
from haechi.onboard import Arrival, OnboardError
from haechi.policy.models import Factor, Policy
from tests.unit.controls import world

NEW = f"ssh-ed25519 {world.key('hana again')}"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def arrives(state: Path, person: str, *changes: dict, rehire: bool = False) -> Arrival:
    """Return the arrival of somebody, with changes to the lab's policy."""
    policy = Policy.model_validate(world.changed(world.policy().model_dump(mode="json", by_alias=True), changes))
    run = runs.read(json.loads(json.dumps(runs.begin(policy, tombstones.revoked(state), state))))
    run = replace(run, at=datetime(2026, 11, 24, 1, 0, tzinfo=UTC))
    return onboard.arrival(run, policy, person, rehire=rehire)


def test_a_new_operator_gets_in_where_the_jobs_reach(state: Path) -> None:
    """Every managed host for an operator; the auditor on two."""
    assert arrives(state, "sora").hosts == ("ops1", "log1")
    comes = arrives(state, "hana")

    assert (comes.jobs, set(comes.hosts) >= {"app1", "db1", "gw1"}, "client1" in comes.hosts) == (
        ("operator", "dba"),
        True,
        False,
    )
    assert comes.record() == {
        "what": "onboarding",
        "person": "hana",
        "jobs": ["operator", "dba"],
        "hosts": list(comes.hosts),
        "keys": [world.print_of("hana")],
        "factor": "fido2",
        "rehired": False,
    }


@pytest.mark.parametrize(
    ("person", "change", "why"),
    [
        (
            "hanna",
            None,
            "hanna is nobody of policy (did you mean hana?): add them to identities.yml with a job, and a key",
        ),
        ("haechi", None, "haechi is no person (automation): playbooks/site.yml makes it"),
        ("tae", None, "tae is disabled in policy since 2026-09-30: for somebody who comes back say `state: active`"),
        ("hana", {"start": "2026-12-01"}, "hana starts on 2026-12-01: run this on that day"),
        ("hana", {"end": "2026-11-01"}, "hana: access has ended since 2026-11-02: give a later date"),
        ("hana", {"training_until": "2026-11-01"}, "hana: training counts no more since 2026-11-01"),
        ("yeon", None, "yeon may log in on no host: give them a job that reaches one"),
    ],
    ids=["unknown", "automation", "disabled", "early", "ended", "untrained", "nowhere"],
)
def test_who_may_not_come_is_told_why_and_what_to_do(
    state: Path, person: str, change: dict[str, str] | None, why: str
) -> None:
    """Before any host is asked."""
    changes = [{"at": ["identities", f"id={person}"], "merge": change}] if change else []
    with pytest.raises(OnboardError) as refused:
        arrives(state, person, *changes)

    assert str(refused.value).startswith(why)


def test_somebody_who_left_comes_back_by_a_rehire_with_a_new_key_alone(state: Path) -> None:
    """Neither the flag nor the key is enough."""
    tombstones.record(state, "hana", [world.print_of("hana")], now=datetime(2026, 11, 1, tzinfo=UTC))
    new_key = {"at": ["keys", "hana"], "set": [NEW]}

    with pytest.raises(
        OnboardError, match=r"hana left, and SHA256:\S+ is a key of before, which stays revoked for ever"
    ):
        arrives(state, "hana", rehire=True)
    with pytest.raises(OnboardError, match="hana left on 2026-11-01 and stays out, whatever policy says"):
        arrives(state, "hana", new_key)

    comes = arrives(state, "hana", new_key, rehire=True)
    assert (comes.rehired, "app1" in comes.hosts) == (True, True)
    tombstones.rehire(state, "hana")
    assert arrives(state, "hana", new_key, rehire=True).rehired is False


def test_what_is_left_to_do_depends_on_the_factor(state: Path) -> None:
    """A device that is in policy leaves nothing; codes that one host lacks are not everywhere."""
    plain = replace(arrives(state, "sora"), until=date(2026, 12, 31))
    device, codes = replace(plain, device=True), replace(plain, factor=Factor.TOTP)

    assert "needs a security key by 2026-12-31: ssh-keygen -t ed25519-sk" in onboard.lines(plain, {}, "site")[1]
    assert "gets in nowhere before" in onboard.lines(replace(plain, until=None), {}, "site")[1]
    assert "nothing is left to do" in onboard.lines(device, {}, "site")[1]
    enrol = "together, at a terminal, haechi enrol sora -i site"
    assert enrol in onboard.lines(codes, {"ops1": "absent", "log1": "absent"}, "site")[1]
    assert "nothing is left to do" in onboard.lines(codes, {"ops1": "present", "log1": "present"}, "site")[1]
    partly = onboard.lines(codes, {"ops1": "present", "log1": "absent"}, "site", ["log1"])
    assert partly[0] == "  sora (auditor) gets in on ops1"
    assert partly[1] == "  left out by this run: log1"
    assert "not yet on log1: run this for them too" in partly[2]
