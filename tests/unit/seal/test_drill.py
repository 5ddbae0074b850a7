"""A drill on the control node: whom it asks, what it keeps, and what an audit says of it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from haechi import auditrun, runs, sent
from haechi.controls import by_id
from haechi.controls.model import SiteCase, Verdict
from haechi.evidence import single
from haechi.evidence.store import RECORDS
from haechi.observe.observation import Observation
from haechi.seal import SealError, drill, shares, store, stored
from tests.unit.controls import world
from tests.unit.grant.conftest import Site, pairs, site
from tests.unit.seal.test_seal import sealed

__all__ = ["pairs", "sealed", "site"]
ALARM = "seal: login opened a session of seal on /dev/pts/1 at 2026-11-26T05:00:00Z"
GOOD = {
    "asked": ["password"],
    "entered": True,
    "alarm": ALARM,
    "after_s": 0.1,
    "logged": True,
    "cleared": True,
    "fault": "",
}


class Hosts:
    """Stands for the hosts' consoles; holds what they were sent."""

    def __init__(self, answers: dict[str, dict[str, Any]]) -> None:
        self.answers, self.sent = answers, {}

    def send(self, _inventory: Path, hosts: Any, _program: Path, request: Any, _before: Any) -> dict[str, sent.Answer]:
        self.sent = dict(request)
        return {
            host: sent.Answer(document={**GOOD, **self.answers[host]} if host in self.answers else GOOD)
            for host in hosts
        }


def split(site: Site) -> tuple[store.Seal, dict[str, str]]:
    """Seal the account; return the seal and the holders' words."""
    seal, _ = store.make(site.desk().policy)
    store.keep(site.state, seal)
    return seal, {who: shares.unseal(text, (site.keys / who).read_bytes()) for who, text in seal.shares.items()}


def drilled(site: Site, words: list[str]) -> dict[str, Any]:
    """Hold a drill on two hosts and keep it, as the playbook's run does; return its record."""
    where = site.desk()
    plan = drill.plan(where.policy, where.revoked, where.state, ["app1", "db1"])
    body = drill.carry_out(where, plan, words, "123456") | {"reason": "quarterly"}
    begun = runs.begin(where.policy, where.revoked, where.state)
    single.write(stored.VERB, begun, where.inventory, ("Open it", "haechi.guard.drill"), (drill.KIND, body))
    return body


def judged(site: Site) -> Verdict:
    """Return what an audit says of the record."""
    where = site.desk()
    run = runs.read(json.loads(json.dumps(runs.begin(where.policy, where.revoked, where.state))))
    records = tuple(map(Observation.model_validate, auditrun.registers(run)))
    case = SiteCase(policy=run.policy, postures={}, at=run.at, records=records)
    return world.judged(by_id()["break-glass-drilled"], case)


def test_a_drill_of_two_holders_is_on_record_and_holds(sealed: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never drilled, drilled: fail, pass. Whose shares they were the shares say; no file has the secret."""
    hosts = Hosts({})
    monkeypatch.setattr("haechi.sent.send", hosts.send)
    _, words = split(sealed)
    assert (judged(sealed).status, judged(sealed).seen) == (
        "fail",
        "the sealed account was never drilled",
    )

    body = drilled(sealed, [words["sora"], words["minho"].upper()])

    assert (body["ok"], body["holders"]) == (True, ["minho", "sora"])
    assert hosts.sent == {
        "account": "seal",
        "password": shares.password(shares.combine(list(words.values())[1:])),
        "code": "123456",
    }
    said = judged(sealed)
    assert (said.status, "minho and sora opened seal on " in said.seen, " on app1, db1, not on " in said.seen) == (
        "pass",
        True,
        True,
    )
    kept = "".join(path.read_text(errors="replace") for path in sealed.state.rglob("*") if path.is_file())
    assert '"what":"opened for a drill"' in kept
    assert not any(secret in kept for secret in (hosts.sent["password"], *words.values()))


def test_a_host_whose_alarm_is_silent_fails_the_drill_and_the_audit(
    sealed: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to mend; an answer that claims nothing is no success either."""
    monkeypatch.setattr("haechi.sent.send", Hosts({"db1": {"fault": "no alarm", "alarm": ""}}).send)
    _, words = split(sealed)
    body = drilled(sealed, [words["sora"], words["jisoo"]])

    assert (body["ok"], body["hosts"]["app1"]["fault"]) == (False, "")
    assert body["hosts"]["db1"]["fault"].startswith("logged in, and no alarm was raised: run playbooks/site.yml")
    assert judged(sealed).status == "fail"
    for silent in ({"logged": False}, {"alarm": ""}, {"entered": False}):
        monkeypatch.setattr("haechi.sent.send", Hosts({"db1": silent}).send)
        assert drilled(sealed, [words["sora"], words["jisoo"]])["hosts"]["db1"]["fault"] == (
            "the host did not say what it saw"
        )


def test_a_drill_whose_record_was_changed_does_not_count(sealed: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is chained and its end signed."""
    monkeypatch.setattr("haechi.sent.send", Hosts({}).send)
    _, words = split(sealed)
    drilled(sealed, [words["sora"], words["jisoo"]])
    (path,) = sealed.state.glob(f"evidence/runs/*-{stored.VERB}-*/{RECORDS}")
    path.write_text(path.read_text().replace('"holders":["jisoo","sora"]', '"holders":["jisoo","minho"]'))

    said = judged(sealed)
    assert (said.status, "its evidence does not verify" in said.seen) == ("fail", True)


def test_shares_that_give_no_secret_leave_no_drill(sealed: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No host is asked, and nothing counts."""
    hosts = Hosts({})
    monkeypatch.setattr("haechi.sent.send", hosts.send)
    _, words = split(sealed)

    with pytest.raises(SealError, match="these shares give no secret"):
        drilled(sealed, [words["sora"], words["sora"]])
    assert hosts.sent == {}
    assert judged(sealed).seen == "the sealed account was never drilled"


def test_without_a_seal_there_is_nothing_to_drill(sealed: Site) -> None:
    """It says how to make one."""
    where = sealed.desk()

    with pytest.raises(SealError, match="haechi break-glass split"):
        drill.plan(where.policy, where.revoked, where.state, ["app1"])


def test_a_plan_names_who_where_and_what_is_left_out(sealed: Site) -> None:
    """What `--check` shows; nobody is asked for it."""
    split(sealed)
    where = sealed.desk()
    plan = drill.plan(where.policy, where.revoked, where.state, ["app1", "db1", "client1"])

    assert (plan.hosts, "gw1" in plan.left_out, plan.every_days) == (("app1", "db1"), True, 180)
    assert "any 2 of jisoo, minho, sora bring it back" in plan.lines()[0]
    with pytest.raises(SealError, match="seal may log in on none of these hosts"):
        drill.plan(where.policy, where.revoked, where.state, ["client1"])


def test_shares_come_from_files_that_nobody_else_reads_or_are_asked_for(sealed: Site, tmp_path: Path) -> None:
    """A named pipe is such a file too."""
    seal, _ = split(sealed)
    files = [tmp_path / "one", tmp_path / "two"]
    for path in files:
        path.write_text(f"words of {path.name}\n")
        path.chmod(0o600)

    def ask(prompt: str) -> str:
        return prompt

    assert drill.given(seal, files, ask) == ["words of one", "words of two"]
    assert drill.given(seal, [], ask) == ["share 1 of 2 (not shown)", "share 2 of 2 (not shown)"]
    with pytest.raises(SealError, match="1 files of shares, and it takes 2"):
        drill.given(seal, files[:1], ask)
    files[1].chmod(0o640)
    with pytest.raises(SealError, match="others may read it"):
        drill.given(seal, files, ask)


def test_the_breaker_takes_drills_away_and_brings_them_back(sealed: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never drilled, an audit says then; what the hosts are sealed with stays as it is."""
    monkeypatch.setattr("haechi.sent.send", Hosts({}).send)
    control = by_id()["break-glass-drilled"]
    assert control.breaker is not None
    _, words = split(sealed)
    drilled(sealed, [words["sora"], words["minho"]])
    before = {path: path.read_bytes() for path in sealed.state.rglob("*") if path.is_file()}

    def sh(script: str) -> None:
        subprocess.run(["sh", "-c", script], check=True, env={**os.environ, "STATE": str(sealed.state)})

    sh(control.breaker.script)
    assert (judged(sealed).status, judged(sealed).seen) == ("fail", "the sealed account was never drilled")
    assert store.path_in(sealed.state).read_bytes() == before[store.path_in(sealed.state)]
    sh(control.breaker.undo)
    assert judged(sealed).status == "pass"
    assert {path: path.read_bytes() for path in sealed.state.rglob("*") if path.is_file()} == before


def test_a_site_without_holders_has_no_account_to_drill(sealed: Site) -> None:
    """Unless one was sealed before policy lost them."""
    (sealed.policy / "break_glass.yml").rename(sealed.inventory / "aside")
    assert judged(sealed).status == "not_applicable"

    (sealed.inventory / "aside").rename(sealed.policy / "break_glass.yml")
    split(sealed)
    (sealed.policy / "break_glass.yml").unlink()
    assert judged(sealed).status == "fail"
