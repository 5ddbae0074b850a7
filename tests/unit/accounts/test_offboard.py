"""What counts as proof that somebody is out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from haechi import offboard, offboardrun, tombstones
from haechi.desired import accounts
from haechi.offboard import Brief
from haechi.policy.models import Policy

VERIFIED = {
    "exists": True,
    "denied": True,
    "killed": [],
    "escalated": [],
    "remaining": [],
    "open": [],
    "account_phase": "refused",
    "error": None,
    "verified": True,
}
PROOF = {
    "access": True,
    "canary": "minho",
    "before": {"person": "accepted", "canary": "accepted"},
    "after": {"person": "refused", "canary": "accepted"},
    "host": VERIFIED,
    "denied_s": 2.5,
}


LACKS: list[tuple[str, dict[str, Any], str]] = [
    ("no positive control", {"before": {"person": "refused", "canary": "accepted"}}, "refused before"),
    ("still accepted", {"after": {"person": "accepted", "canary": "accepted"}}, "accepted now"),
    ("a reset", {"after": {"person": "unknown", "canary": "accepted"}}, "unknown now"),
    ("a dead canary", {"after": {"person": "refused", "canary": "unknown"}}, "canary minho unknown after"),
    ("a canary dead before", {"before": {"person": "accepted", "canary": "refused"}}, "canary minho refused before"),
    ("a module that failed", {"host": None, "error": "no python"}, "no python"),
    ("a door left", {"host": {**VERIFIED, "open": ["crontab"], "verified": False}}, "still open: crontab"),
    ("PAM lets in", {"host": {**VERIFIED, "account_phase": "passes", "verified": False}}, "account phase: passes"),
    ("PAM was not asked", {"host": {**VERIFIED, "account_phase": "not installed"}}, "not installed"),
    (
        "a service",
        {"host": {**VERIFIED, "escalated": [{"name": "w", "unit": "/x.service"}], "verified": False}},
        "w (/x.service)",
    ),
]


def test_a_whole_proof_is_denied() -> None:
    """The positive control of the cases below."""
    assert offboard.status(PROOF) == ("denied", [])


@pytest.mark.parametrize(("case", "lack", "said"), LACKS, ids=[row[0] for row in LACKS])
def test_a_proof_with_a_hole_is_unknown(case: str, lack: dict[str, Any], said: str) -> None:
    """Whatever is missing is named, and nothing is called denied."""
    word, reasons = offboard.status({**PROOF, **lack})

    assert word == "unknown", case
    assert said in "; ".join(reasons)


def test_an_earlier_run_s_acceptance_is_a_positive_control() -> None:
    """A second run over hosts that were denied already confirms them."""
    again = {**PROOF, "before": {"person": "refused", "canary": "accepted"}, "earlier": True}

    assert offboard.status(again) == ("denied", [])


def test_a_host_without_access_needs_no_acceptance_before() -> None:
    """Where she never had an account, the host's word and a refused key are the proof."""
    never = {**PROOF, "access": False, "before": {"person": "refused", "canary": "accepted"}}

    assert offboard.status(never) == ("denied", [])


def brief(*hosts: str) -> Brief:
    return Brief(person="hana", keys=(), hosts=hosts, access=hosts, canaries={}, canary_keys={})


def test_hosts_left_out_stay_open_items() -> None:
    """The denominator is every host of policy, whatever --limit says."""
    run = offboard.close(
        brief("app1", "db1", "gw1"), {"app1": PROOF, "gw1": {"unreachable": "timed out"}}, "t", check=False
    )

    assert run["denied_all_s"] is None
    assert run["canary_ok"] is False
    assert run["open"] == ["db1: left out: not part of this run", "gw1: unreachable: timed out"]
    assert {host: row["status"] for host, row in run["hosts"].items()} == {
        "app1": "denied",
        "db1": "left out",
        "gw1": "unreachable",
    }


def test_the_last_host_s_time_is_the_fleet_s() -> None:
    """Denied means denied everywhere."""
    run = offboard.close(brief("a", "b"), {"a": PROOF, "b": {**PROOF, "denied_s": 4.25}}, "t", check=False)

    assert (run["denied_all_s"], run["canary_ok"], run["open"]) == (4.25, True, [])
    assert offboard.lines(run)[0] == (
        "hana: denied on 2 of 2 hosts, the last one 4.2 s after the start; colleagues still get in"
    )


def test_a_look_ahead_lists_doors() -> None:
    """Check mode names what is open, and claims no denial."""
    seen = {"access": True, "canary": "minho", "before": PROOF["before"], "doors": ["member of adm"]}
    run = offboard.close(brief("a"), {"a": seen}, "t", check=True)

    assert (run["hosts"]["a"]["status"], run["denied_all_s"]) == ("open", None)
    assert offboard.lines(run)[-1] == "  open: a: open: member of adm"
    assert offboard.status({**seen, "doors": []}) == ("shut", [])


def test_earlier_runs_count_for_the_same_leaving_only(tmp_path: Path) -> None:
    """An acceptance before an earlier employment ended proves nothing today."""
    rows = [(1, "accepted", "a"), (2, "accepted", "b"), (2, "refused", "c")]
    for number, (sequence, answer, host) in enumerate(rows):
        run = {"person": "hana", "sequence": sequence, "hosts": {host: {"before": {"person": answer}}}}
        (tmp_path / f"offboard-hana-{number}.json").write_text(json.dumps(run))
    (tmp_path / "offboard-hana-9.json").write_text("{")

    assert offboard.earlier_proofs(tmp_path, "hana", 2) == {"b"}


def policy() -> Policy:
    people = ("hana", "minho")
    person = [{"id": name, "name": name, "jobs": ["op"], "keys": [f"ssh-ed25519 AAAA{name}"]} for name in people]
    canary = {"id": "sentinel", "kind": "sentinel", "name": "S", "owner": "minho", "jobs": ["canary"], "keys": ["k s"]}
    operator = {"title": "o", "hosts": ["a"], "groups": ["adm"], "sudo": [{"commands": ["/usr/bin/id"]}]}
    return Policy.model_validate(
        {
            "site": {"name": "t", "title": "t", "banner": "b", "control_node": "10.0.0.1"},
            "identities": [canary, *person],
            "jobs": {"op": operator, "canary": {"title": "c", "hosts": ["all"]}},
            "zones": {"z": {"title": "z", "cidr": "10.0.0.0/24"}},
            "servers": {"a": {"zone": "z", "address": "10.0.0.2"}, "b": {"zone": "z", "address": "10.0.0.3"}},
            "flows": [],
            "listeners": [],
        }
    )


def test_the_canary_has_the_same_kind_of_access_where_somebody_has() -> None:
    """A colleague of the same job, else the sentinel; never the leaver or somebody who left."""
    assert offboard.brief(policy(), "hana", frozenset()).canaries == {"a": "minho", "b": "sentinel"}
    assert offboard.brief(policy(), "hana", frozenset({"minho"})).canaries == {"a": "sentinel", "b": "sentinel"}
    for canary in ("hana", "nobody"):
        with pytest.raises(offboard.OffboardError, match="active colleague"):
            offboard.brief(policy(), "hana", frozenset(), canary)


def test_only_people_leave() -> None:
    """Offboarding the sentinel would blind every later proof."""
    with pytest.raises(offboard.OffboardError, match="not a person"):
        offboard.brief(policy(), "sentinel", frozenset())


def states(revoked: frozenset[str]) -> dict[str, tuple[str, list[str]]]:
    rows = accounts.build(policy(), "a", revoked)["accounts"]
    return {row["id"]: (row["state"], row["groups"]) for row in rows}


def test_an_old_people_file_never_brings_a_leaver_back() -> None:
    """Desired access is policy minus tombstones: policy still says that hana is active."""
    assert states(frozenset())["hana"] == ("active", ["adm", "haechi-login"])
    assert states(frozenset({"hana"}))["hana"] == ("disabled", [])
    assert states(frozenset({"hana"}))["minho"] == ("active", ["adm", "haechi-login"])


def test_a_leaver_whom_policy_forgot_is_still_disabled() -> None:
    """Deleting the record is no way back either."""
    assert states(frozenset({"eve"}))["eve"] == ("disabled", [])


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """Return a policy folder with one broken flow."""
    folder = tmp_path / "inventory/group_vars/all/policy"
    folder.mkdir(parents=True)
    data = policy().model_dump(mode="json", by_alias=True)
    data["servers"] = data.pop("hosts", None) or data["servers"]
    data["flows"] = [{"name": "x", "from": ["a"], "to": ["b"], "ports": [99999], "reason": "r"}]
    (folder / "all.yml").write_text(yaml.safe_dump(data))
    return tmp_path / "inventory"


def test_a_typo_in_a_flow_keeps_no_leaver_inside(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A leaving needs people, jobs and hosts, and signs before any host is touched."""
    state = inventory.parent / "state"
    monkeypatch.setenv("HAECHI_STATE_DIR", str(state))
    run = offboardrun.begin(inventory, "hana", None, check=False)

    assert run["brief"]["hosts"] == ("a", "b")
    assert run["sequence"] == 1
    assert tombstones.revoked(state / "t") == {"hana"}


def test_a_look_ahead_writes_nothing(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No tombstone, no record, not even the file that was asked for."""
    state = inventory.parent / "state"
    monkeypatch.setenv("HAECHI_STATE_DIR", str(state))
    monkeypatch.setenv(offboardrun.RESULT_FILE, str(inventory.parent / "run.json"))
    run = offboardrun.begin(inventory, "hana", None, check=True)
    offboardrun.finish(run, {}, check=True)

    assert sorted(path.name for path in inventory.parent.iterdir()) == ["inventory"]


def test_a_run_keeps_its_record(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the state folder, and where it was asked for."""
    state = inventory.parent / "state"
    monkeypatch.setenv("HAECHI_STATE_DIR", str(state))
    monkeypatch.setenv(offboardrun.RESULT_FILE, str(inventory.parent / "run.json"))
    run = offboardrun.begin(inventory, "hana", None, check=False, nonce="of this very run")
    written = offboardrun.finish(run, {"a": PROOF}, check=False)["written"]

    assert [Path(path).parent.name for path in written] == [inventory.parent.name, "runs"]
    kept = json.loads(Path(written[1]).read_text())
    assert (kept["hosts"]["a"]["status"], kept["nonce"]) == ("denied", "of this very run")
    assert 0 < offboardrun.since(run["clock"]) < 3600


def test_a_state_folder_that_refuses_the_record_hides_it_from_nobody(
    inventory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run fails, and whoever waits for the record elsewhere has it."""
    state = inventory.parent / "state"
    monkeypatch.setenv("HAECHI_STATE_DIR", str(state))
    monkeypatch.setenv(offboardrun.RESULT_FILE, str(inventory.parent / "run.json"))
    run = offboardrun.begin(inventory, "hana", None, check=False)
    (state / "t/runs").write_text("no folder")

    with pytest.raises(OSError, match="runs"):
        offboardrun.finish(run, {"a": PROOF}, check=False)

    assert json.loads((inventory.parent / "run.json").read_text())["hosts"]["a"]["status"] == "denied"


NOWHERE = {**PROOF, "access": False, "known": False, "host": {**VERIFIED, "exists": False}}
NOBODY = "nobody knows ghost: not in policy, no tombstone, no account on any host"


@pytest.mark.parametrize(
    ("unknown", "records", "nobody", "gone"),
    [
        pytest.param(False, {"a": NOWHERE, "b": NOWHERE}, True, set(), id="a typing error"),
        pytest.param(False, {"a": {"unreachable": "timed out"}}, True, set(), id="nobody was asked"),
        pytest.param(False, {"a": {**NOWHERE, "known": True}, "b": NOWHERE}, False, {"ghost"}, id="an account on a"),
        pytest.param(True, {"a": NOWHERE, "b": NOWHERE}, False, {"ghost"}, id="the operator vouches"),
    ],
)
def test_an_id_that_policy_does_not_name_needs_somebody_who_knows_it(  # noqa: PLR0917, PLR0913 - a table and fixtures
    inventory: Path,
    monkeypatch: pytest.MonkeyPatch,
    unknown: bool,  # noqa: FBT001 - a column of the table
    records: dict[str, Any],
    nobody: bool,  # noqa: FBT001 - a column of the table
    gone: set[str],
) -> None:
    """A typing error signs nothing and is no success, the second time neither; an account somewhere is a leaver."""
    state = inventory.parent / "state"
    monkeypatch.setenv("HAECHI_STATE_DIR", str(state))
    for _attempt in range(2):
        run = offboardrun.begin(inventory, "ghost", None, check=False, unknown=unknown)
        closed = offboardrun.finish(run, records, check=False)["run"]

        assert (offboard.lines(closed)[0] == NOBODY) is closed["nobody"] is nobody
        assert tombstones.revoked(state / "t") == gone
