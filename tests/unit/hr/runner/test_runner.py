"""Real ansible-runner and real ansible-playbook (two seconds each): what its traps R1 to R7 would have done."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Timer

import pytest

from haechi.hr.work import processes
from haechi.hr.work.order import Order, Seen
from tests.unit.controls import world
from tests.unit.hr.runner.conftest import DENIED, STAY, TELL, Site, order

POLICY = """
- name: Judge policy, as the offboarding does
  hosts: managed
  gather_facts: false
  tasks:
    - name: Judge
      haechi.guard.policy: {needs: ["{{ person }}"]}
      run_once: true
"""
WORKER = """
import sys
from pathlib import Path
from threading import Event
from haechi.hr.work.order import Order
from haechi.hr.work.runner import RunnerExecutor
folder = Path(sys.argv[1])
RunnerExecutor(folder / "inventory", folder / "play.yml", 60, folder / "private").carry_out(
    Order(person="hana", hosts=("a",), nonce="0123456789abcdef"), Event()
)
"""


def stayed(site: Site) -> int:
    """Return the process of the playbook that stays, once it is there."""
    until = time.monotonic() + 30
    while not (site.folder / "pid").is_file() or not (site.folder / "pid").read_text().strip():
        assert time.monotonic() < until
        time.sleep(0.05)
    return int((site.folder / "pid").read_text())


def alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.exhaustive
def test_hosts_count_by_the_record_alone_and_runs_share_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """R1, R3, R5, R6, R7: two runs, one after the other."""
    monkeypatch.setenv("PGPASSWORD", "of the ledger")
    left_out = {"status": "left out", "reasons": ["not part of this run"]}
    site.playbook(TELL, {"a": DENIED, "b": left_out})

    first = site.executor().carry_out(order("a", "b", "nowhere"), Event())
    second = site.executor().carry_out(order("a", person="minho", nonce="f" * 32), Event())

    # It ended with exit code 2 each time, and knows what it knows.
    assert {host: row.seen for host, row in first.hosts.items()} == {"a": Seen.PROVEN}
    assert (first.hosts["a"].shut_s, first.hosts["a"].proven_s) == (1.5, 2.5)
    assert first.fault == "not part of the run: b, nowhere: do inventory (group managed) and policy name them?"
    assert (second.hosts["a"].seen, second.document["person"], second.fault) == (Seen.PROVEN, "minho", "")
    around, files = site.saw("minho")
    assert "PGPASSWORD" not in around
    assert around["ANSIBLE_HOST_KEY_CHECKING"] == "True"
    assert around["ANSIBLE_CONFIG"] == str(world.ROOT / "ansible.cfg")
    assert around["PATH"].startswith(str(Path(sys.executable).parent))
    assert [name for name in files if "/env" in name or "hana" in name] == []
    assert [name for name in files if "/job_events/" in name and "partial" not in name] == []
    assert around["HAECHI_HR_RUN"] != site.saw("hana")[0]["HAECHI_HR_RUN"]
    assert site.private == []


@pytest.mark.exhaustive
def test_a_python_that_has_all_of_it_by_its_path_alone_runs_it_too(site: Site) -> None:
    """As the role installs it: nothing in the Python itself, and another Ansible, or none, on PATH."""
    path = os.pathsep.join((str(world.ROOT / "src"), sysconfig.get_path("purelib")))
    bare = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
    around = {"PATH": os.defpath, "HOME": str(site.folder), "PYTHONPATH": path}
    site.playbook(TELL, {"a": DENIED})

    subprocess.run([bare, "-s", "-P", "-c", WORKER, str(site.folder)], check=True, env=around, cwd="/")

    assert site.saw("hana")[0]["PYTHONPATH"] == path


@pytest.mark.exhaustive
def test_a_killed_worker_leaves_nothing_running(site: Site) -> None:
    """R4: `kill -9` of the worker, which can clean up nothing itself; and no private folder stays."""
    site.playbook(STAY)
    with subprocess.Popen([sys.executable, "-c", WORKER, str(site.folder)], cwd=world.ROOT) as worker:
        pid = stayed(site)
        mark = site.private[0]
        assert len(processes.marked(mark)) > 2
        worker.kill()

    until = time.monotonic() + 10
    while (processes.marked(mark) or site.private) and time.monotonic() < until:
        time.sleep(0.05)
    assert (alive(pid), processes.marked(mark), site.private) == (False, [], [])


@pytest.mark.exhaustive
def test_a_killed_run_leaves_nothing_running_either(site: Site) -> None:
    """R4, the other way round: the kernel took the process between (out of memory); the worker sweeps."""
    site.playbook(STAY)
    killed: list[int] = []

    def kill() -> None:
        killed.append(stayed(site))
        [folder] = site.private
        between = next(pid for pid in processes.marked(folder) if os.getppid() != pid and _parent(pid) == os.getpid())
        os.kill(between, signal.SIGKILL)

    timer = Timer(0.1, kill)
    timer.start()
    came = site.executor().carry_out(order("a"), Event())
    timer.join()

    assert "ansible-runner failed: it ended with -9" in came.fault
    assert (came.hosts, alive(killed[0]), site.private) == ({}, False, [])


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.exhaustive
def test_a_lost_lease_ends_the_run_at_once(site: Site) -> None:
    """With what it started, which would have gone on for ten minutes."""
    site.playbook(STAY)
    cancelled, pids = Event(), []

    def cancel() -> None:
        pids.append(stayed(site))
        cancelled.set()

    timer = Timer(0.1, cancel)
    timer.start()
    came = site.executor(limit_s=300.0).carry_out(order("a"), cancelled)
    timer.join()

    assert came.fault.startswith("cancelled: the lease was lost")
    assert (came.hosts, alive(pids[0]), site.private) == ({}, False, [])


@pytest.mark.exhaustive
def test_a_run_ends_at_its_limit(site: Site) -> None:
    """A host that hangs holds no worker for ever."""
    site.playbook(STAY)

    came = site.executor(limit_s=4.0).carry_out(order("a"), Event())

    assert came.fault.startswith("ended after 4 s, its limit")
    assert not alive(stayed(site))


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("hosts", "asked"),
    [pytest.param({}, ("a",), id="empty"), pytest.param({"c": {}}, ("a", "b"), id="shrunken")],
)
def test_an_inventory_that_lost_its_hosts_is_no_success(
    site: Site, hosts: dict[str, object], asked: tuple[str]
) -> None:
    """R3: ansible-runner calls such runs successful."""
    (site.folder / "inventory/hosts.yml").write_text(f"managed: {{hosts: {hosts}}}\n")
    site.playbook(TELL, {"a": DENIED})

    came = site.executor().carry_out(order(*asked), Event())

    assert came.hosts == {}
    assert "the run left no record" in came.fault
    assert "no host" in came.fault


@pytest.mark.exhaustive
def test_an_event_that_could_not_be_kept_fails_the_run(site: Site) -> None:
    """R2: ansible-runner swallows an OSError of its event handler, and goes on to call the run successful."""
    site.playbook(TELL, {"a": DENIED}, full=True)

    came = site.executor().carry_out(order("a"), Event())

    assert came.fault == "1 of its events could not be kept"


@pytest.mark.exhaustive
def test_a_full_disk_under_the_evidence_fails_the_run_loudly(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The callback goes on without evidence, as it must; whoever waits for the result is told."""
    monkeypatch.setenv("HAECHI_STATE_DIR", str(site.folder / "state"))
    shutil.copytree(world.ROOT / "inventories/example/group_vars", site.folder / "inventory/group_vars")
    site.playbook(POLICY + TELL, {"a": DENIED})

    with files_up_to(16_384):
        came = site.executor().carry_out(order("a"), Event())

    assert came.hosts["a"].seen is Seen.APPLIED
    assert "the run left no whole evidence: This run leaves no whole evidence: " in came.fault
    assert "File too large" in came.fault


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Let no file of this process and its children grow past a size, as on a disk that is full (setrlimit(2))."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    "wrong",
    [
        order("a", person="hana; reboot"),
        order("a", person="{{ lookup('pipe', 'id') }}"),
        order("!a"),
        order("a\nb"),
        order("all:*"),
        order("a", nonce="{{ 7 * 7 }}"),
        order(),
    ],
)
def test_words_that_ansible_would_read_otherwise_reach_no_command(site: Site, wrong: Order) -> None:
    """Extra variables are templates, lines of a limit file are patterns."""
    came = site.executor().carry_out(wrong, Event())

    assert came.hosts == {}
    assert came.fault.startswith("the order is refused")
    assert site.private == []


@pytest.mark.exhaustive
def test_what_a_killed_worker_left_is_ended_before_the_next_run(site: Site) -> None:
    """Where the process between was killed together with the worker, the next run finds both and ends them."""
    left = site.folder / "private/haechi-hr-leftover"
    left.mkdir()
    with subprocess.Popen(["sleep", "600"], env={processes.MARK: left.name}) as sleeper:
        (site.folder / "play.yml").write_text("- hosts: [")
        site.executor().carry_out(order("a"), Event())

        assert sleeper.wait(5) == -signal.SIGKILL
    assert site.private == []
