"""What is run, in which order, and when nothing is."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from haechi import cli
from haechi.bench import measure
from haechi.bench.figures import Seen
from haechi.bench.perimeter import Perimeter, gap
from haechi.demo import StoryError
from haechi.demo.playbooks import Playbooks
from haechi.lab import podman, site
from haechi.lab.podman import LabError
from haechi.policy.models import Policy
from haechi.progress import Summary

ROOT = Path(__file__).resolve().parents[3]
INVENTORY = ROOT / "inventories/lab"
NOTHING = Summary(hosts=[], changed=0, failed=[], unreachable=[], seconds=0.0)


@pytest.fixture
def policy() -> Policy:
    """Return the lab's policy."""
    return site.read_policy(INVENTORY)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Return what would have been run."""
    told: list[tuple[str, ...]] = []

    def run(_: Playbooks, name: str, *arguments: str) -> Summary:
        told.append((Path(name).name, *arguments))
        return NOTHING

    def note(*words: str) -> Callable[..., None]:
        return lambda *_arguments, **_options: told.append(words)

    monkeypatch.setattr(Playbooks, "run", run)
    monkeypatch.setattr(site, "disconnect", note("disconnect"))
    monkeypatch.setattr(site, "up", note("up"))
    monkeypatch.setattr(podman, "run", lambda *arguments: told.append(arguments))
    seen = Seen(inspected=[0.02, 0.03], uninspected=[0.01, 0.01], gap_s=2.2)
    monkeypatch.setattr(Perimeter, "measure", lambda _, repeat: told.append(("perimeter", str(repeat))) or seen)
    return told


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """Return a copy of the lab's inventory, so that no checkout's artifacts are touched."""
    return Path(shutil.copytree(INVENTORY, tmp_path / "inventories/lab"))


def states(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    monkeypatch.setattr(site, "status", lambda _: {"ops1": "running", "edge1": state})


def test_every_measured_run_follows_a_ping(policy: Policy, asked: list[tuple[str, ...]]) -> None:
    """A machine that gets busy slows the unit too; the connections are open before."""
    samples = measure.Bench(playbooks=Playbooks(ROOT, INVENTORY), policy=policy, host="edge1", say=lambda _: None).run(
        2
    )

    only = ("--limit", "edge1")
    warm, ping = ("ping", "--limit", "managed"), ("ping", *only)
    once = [warm, ping, ("site", *only), ping, ("audit", *only), warm, ping, ("site", "--forks", "10")]
    assert asked[:17] == [("site",), *once, *once]
    assert [len(s) for s in (samples.ping, samples.site, samples.audit, samples.lab)] == [6, 2, 2, 2]


def test_the_machine_of_the_first_converge_is_bare_and_ends_hardened(
    policy: Policy, asked: list[tuple[str, ...]]
) -> None:
    """Only that machine goes; what hardens it again is what is measured."""
    measure.Bench(playbooks=Playbooks(ROOT, INVENTORY), policy=policy, host="edge1", say=lambda _: None).run(1)

    only = ("--limit", "edge1")
    gone = ("rm", "--force", "--time", "0", "haechi-lab-edge1")
    lost = [("perimeter", "1"), ("up",)]
    assert asked[9:] == [*lost, ("disconnect",), gone, ("up",), ("bootstrap", *only), ("ping", *only), ("site", *only)]


def test_a_host_that_was_still_changed_is_no_measure(
    policy: Policy, monkeypatch: pytest.MonkeyPatch, asked: list[tuple[str, ...]]
) -> None:
    """What is told of an unchanged host was measured on one."""
    monkeypatch.setattr(Playbooks, "run", lambda *_: replace(NOTHING, changed=2))

    with pytest.raises(StoryError, match=r"site.yml changed 2 things that it had just made right"):
        measure.Bench(playbooks=Playbooks(ROOT, INVENTORY), policy=policy, host="edge1", say=lambda _: None).run(1)

    assert asked == []


def test_no_other_host_depends_on_the_machine_that_is_made_anew(policy: Policy) -> None:
    """Gateway, bastion and resolver stay."""
    assert measure.chosen(policy) == "edge1"

    alone = policy.model_copy(update={"hosts": {name: policy.hosts[name] for name in ("gw1", "ops1")}})
    with pytest.raises(LabError, match="none can go"):
        measure.chosen(alone)


@pytest.mark.parametrize("state", ["absent", "stopped", "starting"])
def test_a_lab_that_is_down_is_named_and_how_to_mend_it(
    state: str, monkeypatch: pytest.MonkeyPatch, inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is measured, and the figures of an earlier bench are not left to be taken for this one's."""
    earlier = inventory.parents[1] / "artifacts/bench.json"
    earlier.parent.mkdir()
    earlier.write_text("{}")
    states(monkeypatch, state)

    assert cli.main(["bench", "-i", str(inventory)]) == 3
    assert not earlier.exists()
    assert f"edge1 is {state}: stand the lab up hardened with `make demo`" in capsys.readouterr().out


def test_a_failed_playbook_ends_the_bench(
    monkeypatch: pytest.MonkeyPatch, inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half a measurement is none."""

    def fail(*_: object) -> Summary:
        raise StoryError("playbooks/site.yml ended with exit code 2; its own words stand above")

    states(monkeypatch, "running")
    monkeypatch.setattr(Playbooks, "run", fail)

    assert cli.main(["bench", "-i", str(inventory)]) == 1
    out = capsys.readouterr().out
    assert "exit code 2; its own words stand above" in out
    assert "`make demo` stands the lab up anew" in out


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_repeat_that_measures_nothing_is_refused(number: str) -> None:
    """There is no median of nothing."""
    with pytest.raises(SystemExit) as end:
        cli.main(["bench", f"--repeat={number}"])

    assert end.value.code == 2


@pytest.mark.exhaustive
def test_the_ping_is_one_task_on_any_host() -> None:
    """It lies in the package, so that every checkout has the same unit."""
    listed = subprocess.run(
        ["ansible-playbook", "-i", "localhost,", "--list-tasks", str(measure.PING)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )

    assert listed.stdout.count("TAGS: []\n") == 2


def test_the_gap_is_the_longest_wait_between_two_answers() -> None:
    """Customers were answered before and after the loss at 12."""
    assert gap([10.0, 11.0, 11.9, 14.0, 14.1], 12.0) == pytest.approx(2.1)


@pytest.mark.parametrize("answered", [[], [10.0, 11.0], [13.0, 14.0]])
def test_a_service_that_did_not_come_back_has_no_gap(answered: list[float]) -> None:
    """What nobody saw end is not told as short."""
    with pytest.raises(StoryError, match="did not fail over"):
        gap(answered, 12.0)


@pytest.mark.parametrize(
    ("seen", "refused"),
    [
        (["table ip security", "", "table ip security"], ""),
        (["", "", ""], "inspects nothing to begin with"),
        (["table ip security", "table ip security", "table ip security"], "goes on inspecting"),
        (["table ip security", "", ""], "not inspected as before"),
    ],
)
def test_what_is_timed_past_inspection_is_past_it_and_inspected_again_after(
    seen: list[str], refused: str, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, meanwhile and after, as the gateway lists its tables; the queues are put back in any case."""
    asked: list[tuple[str, ...]] = []
    answers = iter(seen)

    def run(*words: str, **_: object) -> str:
        asked.append(words)
        return next(answers) if words[2:] == ("nft", "list", "tables") else ""

    monkeypatch.setattr(podman, "run", run)
    assert policy.edge is not None
    made = Perimeter(policy=policy, edge=policy.edge, gateways=("gw1",), containers={"gw1": "gw"}, say=lambda _: None)

    with nullcontext() if not refused else pytest.raises(StoryError, match=refused), made._uninspected():
        pass
    assert ("exec", "gw", "systemctl", "restart", "haechi-ids-queues.service") in asked
