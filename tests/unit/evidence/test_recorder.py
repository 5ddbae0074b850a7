"""A run's record is made of events, keeps no secret, and never stops the playbook that it tells of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from haechi import policy as policies
from haechi import runs
from haechi.evidence.recorder import CARRIED, Event, Recorder
from haechi.evidence.store import RECORDS

BASE = Path(__file__).parents[2] / "cases/validate/base"
SECRET = "correct horse battery staple"  # noqa: S105 - made up for these tests


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the policy task says of a run."""
    monkeypatch.setenv("HAECHI_STATE_DIR", str(tmp_path))
    policy = policies.load(BASE).usable
    assert policy is not None
    return runs.begin(policy, frozenset(), tmp_path / "base")


@pytest.fixture
def recorder(document: dict[str, Any], tmp_path: Path) -> Recorder:
    """Return a recorder in the middle of a run of `site`."""
    recorder = Recorder("site")
    recorder.begin(document, tmp_path, check=False)
    assert recorder.problem == ""
    return recorder


def event(outcome: str = "ok", **more: Any) -> Event:
    given = {"task": "Do it", "host": "web1", "module": "haechi.guard.accounts", "result": {}, **more}
    return Event(outcome=outcome, **given)


def records(recorder: Recorder, tmp_path: Path) -> list[dict[str, Any]]:
    lines = (tmp_path / "base/evidence/runs" / recorder.run / RECORDS).read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_run_begins_with_who_and_what_and_ends_signed(recorder: Recorder, tmp_path: Path) -> None:
    """Who ran which verb, on which policy by its digest; the policy itself is kept once, as an object."""
    recorder.close({"web1": {"ok": 1}})

    first, last = records(recorder, tmp_path)
    assert (first["kind"], last["kind"]) == ("begin", "end")
    assert (first["body"]["verb"], first["body"]["site"]) == ("site", "base")
    assert (tmp_path / "base/evidence/objects" / first["body"]["policy"]).is_file()
    assert last["body"] == {"hosts": {"web1": {"ok": 1}}}
    assert (tmp_path / "base/evidence/runs" / recorder.run / "checkpoint.json").is_file()


def test_a_policy_is_kept_in_the_order_of_its_files(
    recorder: Recorder, document: dict[str, Any], tmp_path: Path
) -> None:
    """Judged again, rules and lists must come out as they did: a canonical form would sort them."""
    digest = records(recorder, tmp_path)[0]["body"]["policy"]
    kept = json.loads((tmp_path / "base/evidence/objects" / digest).read_text())

    assert json.dumps(kept) == json.dumps(document["policy"])
    assert list(kept) != sorted(kept)


def test_what_went_well_is_not_told_and_what_changed_is(recorder: Recorder, tmp_path: Path) -> None:
    """The changes that our modules name are told; arguments, diffs and messages never are."""
    recorder.saw(event("ok"))
    recorder.saw(event("changed", result={"changes": ["account ann"], "diff": SECRET, "invocation": {"x": SECRET}}))
    recorder.saw(event("failed", module="ansible.builtin.uri", result={"msg": SECRET, "changes": [SECRET]}))

    changed, failed = records(recorder, tmp_path)[1:]
    assert changed["body"]["changes"] == ["account ann"]
    assert (failed["body"]["outcome"], failed["body"]["keys"]) == ("failed", ["changes", "msg"])
    assert SECRET not in json.dumps([changed, failed])


def test_a_hidden_task_leaves_its_outcome_only(recorder: Recorder, tmp_path: Path) -> None:
    """`no_log` hides what the task carried too."""
    told = {CARRIED: [{"kind": "posture", "body": {"seen": SECRET}}], "changes": [SECRET]}
    recorder.saw(event("changed", result=told, hidden=True))

    (only,) = records(recorder, tmp_path)[1:]
    assert only["body"] == {
        "task": "Do it",
        "host": "web1",
        "module": "haechi.guard.accounts",
        "outcome": "changed",
        "hidden": True,
    }


@pytest.mark.parametrize("as_carried", [list, json.dumps])
def test_what_a_result_carries_is_kept_under_the_host_it_came_from(
    recorder: Recorder, tmp_path: Path, as_carried: Callable[[list[Any]], object]
) -> None:
    """A host that calls itself another one is not believed; what is large comes as text."""
    recorder.saw(event(result={CARRIED: as_carried([{"kind": "posture", "body": {"subject": "db1"}}])}))

    (posture,) = records(recorder, tmp_path)[1:]
    assert (posture["kind"], posture["body"]) == ("posture", {"subject": "db1", "host": "web1"})


@pytest.mark.parametrize("carried", [[{"no": "kind"}], ["text"], [{"kind": "posture"}], "no JSON"])
def test_evidence_of_another_shape_ends_the_record_and_not_the_playbook(recorder: Recorder, carried: object) -> None:
    """The run goes on; its record has no signed end, and the reason is told."""
    recorder.saw(event(result={CARRIED: carried}))

    assert recorder.problem.startswith("This run leaves no whole evidence: ")
    recorder.saw(event("changed"))
    recorder.close({})


def test_a_disk_that_refuses_is_told_and_stops_nothing(document: dict[str, Any], tmp_path: Path) -> None:
    """The folder of the evidence is a file."""
    (tmp_path / "base").write_text("")
    recorder = Recorder("site")
    recorder.begin(document, tmp_path, check=False)

    assert "This run leaves no whole evidence" in recorder.problem
    assert str(tmp_path / "base") in recorder.problem
    recorder.saw(event("changed"))
    recorder.close({})


@pytest.mark.parametrize(("verb", "check"), [("validate", False), ("site", True), ("offboard", True)])
def test_what_touches_nothing_leaves_no_record(
    verb: str,
    check: bool,  # noqa: FBT001 - a case
    document: dict[str, Any],
    tmp_path: Path,
) -> None:
    """Validate has nothing to prove, and check mode writes nothing, on the control node neither."""
    recorder = Recorder(verb)
    recorder.begin(document, tmp_path, check=check)
    recorder.close({})

    assert (recorder.run, recorder.problem) == ("", "")
    assert not (tmp_path / "base/evidence").exists()
