"""An audit judged again from its record alone says what it said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from haechi import audit, auditrun, policy, runs
from haechi.cli import main
from haechi.evidence.recorder import CARRIED, Event, Recorder
from haechi.evidence.store import RECORDS
from haechi.perimeter import plan

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "inventories/example"
SEEN = json.loads((ROOT / "tests/cases/posture/trixie.json").read_text())
SILENT = {"unknown": "unreachable: connection refused"}


def told(host: str, rows: list[dict[str, Any]]) -> Event:
    return Event(task="Audit", host=host, module="haechi.guard.audit", outcome="ok", result={CARRIED: rows})


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Audit a fleet of which one host answered, as the playbook does, and return the run's name."""
    monkeypatch.setenv("HAECHI_STATE_DIR", str(tmp_path))
    loaded = policy.load(EXAMPLE).policy
    assert loaded is not None
    document = json.loads(json.dumps(runs.begin(loaded, frozenset({"yuna"}), tmp_path / "example")))
    recorder = Recorder("audit")
    # Without the second place, which is a host.
    silent = {
        **document,
        "policy": {**document["policy"], "site": {**document["policy"]["site"], "evidence_copy": None}},
    }
    recorder.begin(silent, tmp_path, check=False)
    answers = {host: SILENT for host, server in loaded.hosts.items() if server.managed}
    answers["app1"] = {"observation": {**SEEN, "nonce": document["nonce"]}, "probes": [{"kind": "nonsense"}]}
    answers["db1"] = auditrun.NO_ANSWER
    for host, answer in answers.items():
        if host != "db1":
            recorder.saw(told(host, auditrun.seen(answer)))
    rows = [row.document() for row in audit.judge(runs.read(silent), answers)]
    assert {row["status"] for row in rows} >= {"pass", "unknown", "manual"}
    recorder.saw(told("edge1", [{"kind": "verdict", "body": row} for row in rows]))
    recorder.close({})
    assert (recorder.problem, recorder.warning) == ("", "")
    return recorder.run


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Try the perimeter, as its playbook does, and return the run's name: one host is silent."""
    monkeypatch.setenv("HAECHI_STATE_DIR", str(tmp_path))
    loaded = policy.load(EXAMPLE).policy
    assert loaded is not None
    alone = loaded.model_copy(update={"site": loaded.site.model_copy(update={"evidence_copy": None})})
    document = json.loads(json.dumps(runs.begin(alone, frozenset(), tmp_path / "example")))
    recorder, about = Recorder("probe"), runs.read(document)
    recorder.begin(document, tmp_path, check=False)
    tries = [[address, proto, port, "", "open", 3] for address, proto, port in plan.tries_from(alone, "app1")]
    answers = {"app1": {"probes": auditrun.tried(about, "app1", tries)}, "db1": SILENT}
    recorder.saw(told("app1", [{"kind": "probe", "body": row} for row in answers["app1"]["probes"]]))
    rows = [row.document() for row in audit.judge_perimeter(about, answers)[0]]
    assert [row["status"] for row in rows] == ["fail", "unknown", "fail"]
    recorder.saw(told("edge1", [{"kind": "verdict", "body": row} for row in rows]))
    recorder.close({})
    return recorder.run


def test_a_probe_is_judged_again_by_what_it_tried(probe: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The perimeter's verdicts and no others: nobody looked at anything else."""
    assert judge(probe) == 0
    assert "3 verdicts, 0 not as they were" in capsys.readouterr().out


def judge(run: str) -> int:
    return main(["judge", "--again", run, "-i", str(EXAMPLE)])


def test_the_same_observations_give_the_same_verdicts(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A host that answered, one that was silent and one that never came: all as they were."""
    assert judge(run) == 0
    assert "0 not as they were" in capsys.readouterr().out


def test_an_altered_verdict_is_found_and_named(run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody made an unknown a pass in the record: the judge does not agree, and the signature does not either."""
    file = tmp_path / "example/evidence/runs" / run / RECORDS
    lines = file.read_text().splitlines()
    number = next(n for n, line in enumerate(lines) if '"kind":"verdict"' in line and '"status":"unknown"' in line)
    lines[number] = lines[number].replace('"status":"unknown"', '"status":"pass"')
    file.write_text("\n".join(lines) + "\n")

    assert judge(run) == 1
    out = capsys.readouterr()
    assert out.out.count("OTHER    ") == 1
    assert "was pass" in out.out
    assert "is unknown" in out.out
    assert "BROKEN" in out.err


def test_an_altered_policy_is_refused(run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What must have been true then cannot be changed now."""
    (policy_file,) = (tmp_path / "example/evidence/objects").iterdir()
    policy_file.write_text(policy_file.read_text().replace("db1", "db2"))

    assert judge(run) == 3
    assert "altered" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../../etc", "20261125T215744Z-audit-952734"])
def test_a_run_that_is_not_on_record_is_one_sentence(name: str, run: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback for a typing error."""
    assert run != name
    assert judge(name) == 3
    assert len(capsys.readouterr().err.splitlines()) == 1
