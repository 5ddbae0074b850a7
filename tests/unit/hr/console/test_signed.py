"""What people sign: a stopped batch goes on, a host is gone. Each word counts once, for what it was about."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from haechi import tombstones
from haechi.evidence.store import Store
from haechi.hr.console.signed import RETIREMENT, SETTLEMENT
from haechi.hr.ledger import matters, views
from haechi.hr.ledger.states import ItemState, RevocationState
from haechi.hr.work.order import Seen
from tests.unit.hr.seeded import Seeded

from .conftest import Site

MORE = pytest.mark.exhaustive
BATCH = ("hana", "sora", "yeon")
GONE = ("gw1", "edge1", "edge2", "app1", "db1", "ops1", "log1", "vault1", "backup1")


@pytest.fixture
def stopped(site: Site) -> Site:
    """Three leavers at once: the third was stopped by the breaker."""
    seeded = Seeded(site.state / "hr")
    event = seeded.message()
    for person in BATCH[:2]:
        seeded.leaving(person, event, GONE)
    seeded.leaving(BATCH[2], event, GONE, state=RevocationState.PAUSED)
    seeded.matter(matters.BREAKER, "3 people were asked for within 60 minutes, more than 2", event)
    seeded.ledger.close()
    return site


def write(site: Site, who: str, *words: str) -> tuple[int, Path]:
    """Have the document written; return exit code and file."""
    path = site.inventory.parent / "said.json"
    return site.hr(*words[:2], "--as", who, "--out", str(path), *words[2:]), path


def test_a_second_person_lets_a_batch_go_on(stopped: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """By a signature over exactly whom it puts out; the evidence has document and signature."""
    code, path = write(stopped, "jisoo", "approve", "write", "--matter", "1")
    told = capsys.readouterr().out
    stopped.sign(path, "jisoo", SETTLEMENT)

    assert code == 0
    assert "signing it puts out: yeon" in told
    assert f"ssh-keygen -Y sign -n {SETTLEMENT}" in told
    assert stopped.hr("approve", "accept", "--document", str(path)) == 0
    assert "matter 1 is settled by jisoo; 1 leavings go on" in capsys.readouterr().out
    assert {row.person: row.state for row in stopped.leavings()} == dict.fromkeys(BATCH, "open")
    assert stopped.ledger.read(views.matters) == ()
    runs = Store(stopped.state).path / "runs"
    assert any("haechi hr settlement" in file.read_text() for file in runs.rglob("*.jsonl"))


def test_a_word_counts_once(stopped: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """The same signature handed in again settles nothing more."""
    _, path = write(stopped, "jisoo", "approve", "write", "--matter", "1")
    stopped.sign(path, "jisoo", SETTLEMENT)
    codes = [stopped.hr("approve", "accept", "--document", str(path)) for _ in range(2)]

    assert codes == [0, 1]
    assert "refused: no matter 1 waits for people" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("hana", "hana is being put out, and signs nothing more"),
        pytest.param("tae", "tae has left or is disabled", marks=MORE),
        pytest.param("haechi", "unknown signer: haechi is no person of policy", marks=MORE),
    ],
)
def test_not_everybody_may(stopped: Site, capsys: pytest.CaptureFixture[str], who: str, said: str) -> None:
    """A leaver least of all."""
    assert write(stopped, who, "approve", "write", "--matter", "1")[0] == 1
    assert f"refused: {said}" in capsys.readouterr().err


def test_only_the_jobs_of_policy_may(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """An auditor watches, and lets nothing go on."""
    site.hr("status")
    site.ledger.write(matters.open_matter, matters.UNMATCHED, "leave: E-404", None)

    assert write(site, "sora", "approve", "write", "--matter", "1")[0] == 1
    assert "sora (auditor) may not sign this: policy leaves it to operator" in capsys.readouterr().err
    assert write(site, "minho", "approve", "write", "--matter", "1")[0] == 0


def test_a_document_of_another_s_key_is_refused(stopped: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Each signs for himself."""
    _, path = write(stopped, "jisoo", "approve", "write", "--matter", "1")
    stopped.sign(path, "minho", SETTLEMENT)

    assert stopped.hr("approve", "accept", "--document", str(path)) == 1
    assert "the document names jisoo, and minho's key signed it" in capsys.readouterr().err


@pytest.mark.parametrize("namespace", [RETIREMENT, pytest.param("git", marks=MORE)])
def test_a_signature_for_something_else_is_refused(stopped: Site, namespace: str) -> None:
    """One made for a grant lets no batch go on."""
    _, path = write(stopped, "jisoo", "approve", "write", "--matter", "1")
    stopped.sign(path, "jisoo", namespace)

    assert stopped.hr("approve", "accept", "--document", str(path)) == 1
    assert len(stopped.ledger.read(views.matters)) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"people": ["yeon", "minho"]}, "matter 1 is not what it was when this was written"),
        ({"made": "2026-01-01T00:00:00Z"}, "counts for a day: write it anew"),
        pytest.param({"matter": 2}, "no matter 2 waits for people", marks=MORE),
        pytest.param({"site": "other"}, "it is of site other, and this is lab", marks=MORE),
        pytest.param({"made": "2099-01-01T00:00:00Z"}, "counts for a day: write it anew", marks=MORE),
    ],
)
def test_what_is_signed_must_be_so(
    stopped: Site, capsys: pytest.CaptureFixture[str], change: dict[str, object], said: str
) -> None:
    """A person signs a document that somebody altered before: it is held against the ledger all the same."""
    _, path = write(stopped, "jisoo", "approve", "write", "--matter", "1")
    stopped.change(path, **change)
    path.write_text(f"{path.read_text()}\n")
    stopped.sign(path, "jisoo", SETTLEMENT)

    assert stopped.hr("approve", "accept", "--document", str(path)) == 1
    assert said in capsys.readouterr().err


def gone(site: Site) -> None:
    """Take edge2 out of policy, as it is scrapped, and with it the pair that it was of."""
    path = site.policy / "network.yml"
    told = yaml.safe_load(path.read_text())
    del told["servers"]["edge2"]
    told["flows"] = [flow for flow in told["flows"] if flow["name"] not in {"customers", "edge-to-app"}]
    for flow in told["flows"]:
        flow["to"] = [name for name in flow["to"] if name != "edge2"]
    path.write_text(yaml.safe_dump(told))
    (site.policy / "edge.yml").unlink()
    hosts = site.inventory / "hosts.yml"
    hosts.write_text("".join(line for line in hosts.read_text().splitlines(keepends=True) if "edge2" not in line))


def test_a_host_that_is_gone_is_signed_for(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """It is retired, never proven; a leaving that begins later has nothing to do with it."""
    site.hr("submit", "hana", "--reason", "left")
    site.seen(1, Seen.PROVEN, tuple(host for host in GONE if host != "edge2"))
    gone(site)
    code, path = write(site, "jisoo", "retire-host", "write", "edge2", "--reason", "scrapped")
    site.sign(path, "jisoo", RETIREMENT)

    assert code == 0
    assert site.hr("retire-host", "accept", "--document", str(path)) == 0
    (row,) = site.leavings()
    assert row.state == "proven"
    assert {host.host for host in row.hosts if host.state is ItemState.RETIRED} == {"edge2"}
    assert "that counts as no proof" in capsys.readouterr().out

    site.hr("submit", "minho", "--reason", "left")

    assert site.hr("retire-host", "accept", "--document", str(path)) == 1


def test_a_host_is_retired_before_anybody_waits_for_it(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Else the next leaving would: policy named it, and nothing else takes it away."""
    site.hr("submit", "hana", "--reason", "left")
    site.seen(1, Seen.PROVEN, GONE)
    gone(site)
    _, path = write(site, "jisoo", "retire-host", "write", "edge2", "--reason", "scrapped")
    site.sign(path, "jisoo", RETIREMENT)
    assert site.hr("retire-host", "accept", "--document", str(path)) == 0

    site.hr("submit", "minho", "--reason", "left")
    assert "edge2" not in {host.host for row in site.leavings() if row.person == "minho" for host in row.hosts}
    assert write(site, "jisoo", "retire-host", "write", "edge3", "--reason", "scrapped")[0] == 1
    assert "no host edge3 is known" in capsys.readouterr().err


def test_a_host_lost_by_mistake_is_waited_for(site: Site) -> None:
    """Policy named it when somebody left before."""
    site.hr("submit", "hana", "--reason", "left")
    gone(site)
    site.hr("submit", "minho", "--reason", "left")
    assert "edge2" in {host.host for row in site.leavings() if row.person == "minho" for host in row.hosts}


def test_a_host_of_policy_is_not_retired(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody retires the one host that would not be proven."""
    site.hr("submit", "hana", "--reason", "left")

    assert write(site, "jisoo", "retire-host", "write", "edge2", "--reason", "slow")[0] == 1
    assert "edge2 is a managed host of policy: take it out there first" in capsys.readouterr().err


def test_a_retirement_is_of_the_leavings_that_it_names(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody who left after it was written is not among them."""
    site.hr("submit", "hana", "--reason", "left")
    gone(site)
    _, path = write(site, "jisoo", "retire-host", "write", "edge2", "--reason", "scrapped")
    site.sign(path, "jisoo", RETIREMENT)
    site.change(path, revocations=[1, 2])
    path.write_text(f"{path.read_text()}\n")
    site.sign(path, "jisoo", RETIREMENT)

    assert site.hr("retire-host", "accept", "--document", str(path)) == 1
    assert "other leavings are open on edge2" in capsys.readouterr().err


def test_a_leaver_who_is_out_signs_nothing(stopped: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """A tombstone is enough, whatever the ledger says."""
    tombstones.record(stopped.state, "jisoo")

    assert write(stopped, "jisoo", "approve", "write", "--matter", "1")[0] == 1
    assert "jisoo has left or is disabled" in capsys.readouterr().err
