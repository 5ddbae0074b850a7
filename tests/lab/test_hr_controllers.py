"""Somebody leaves because HR says so, by several controllers over PostgreSQL, which work on the lab from here."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from haechi.demo.doors import Answer, Doors
from haechi.hr.work import runfolder
from tests import tls
from tests.hr.processes import mentioning
from tests.postgres import Postgres, postgres

from . import hr
from .conftest import MANAGED, ROOT, Lab
from .hr import (
    ARA,
    BORI,
    DANBI,
    DASOM,
    FAR,
    HANEUL,
    HOSTS,
    JUN,
    OUT,
    PATIENCE_S,
    PROGRAM,
    PROVEN,
    SORI,
    YUL,
    Provider,
    here,
)

__all__ = ["postgres"]

NOTHING = "the run left no record"
FENCED = "what the run showed is not written: lease "


@pytest.fixture(scope="module")
def hired(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """Return the doors of a site with some people more."""
    with hr.hired(lab, tmp_path_factory.mktemp("hired")) as doors:
        yield doors


@dataclass(frozen=True)
class Controllers:
    """A site of several controllers: its inventory, and the identity provider that its receiver hears."""

    inventory: Path
    provider: Provider

    @contextmanager
    def runs(self, name: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a verb of ``haechi hr``; whoever is still there in the end is told to stop."""
        with self.log(name).open("wb") as log:
            process = subprocess.Popen(
                [str(PROGRAM), "hr", *command, "-i", str(self.inventory)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(60)

    @contextmanager
    def works(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a worker, from the moment on when it works; the first one makes what the receiver writes to."""
        with self.runs(name, "work") as process:
            assert "working for" in hr.until(self.log(name).read_text, lambda text: "working for" in text, PATIENCE_S)
            yield process

    def log(self, name: str) -> Path:
        """Return where somebody says what they do."""
        return self.inventory.parent / f"{name}.log"

    def told(self, person: str) -> dict[str, Any]:
        """Return how a leaving stands in the ledger; nothing while it cannot be asked."""
        said = here(str(PROGRAM), "hr", "status", "--json", "-i", str(self.inventory)).stdout
        return hr.of_person(said, person) if said else {}

    def playbooks(self) -> list[int]:
        """Return the processes of every run."""
        return mentioning("playbooks/offboard.yml", str(self.inventory))

    def stands(self, person: str, expected: dict[str, str]) -> dict[str, Any]:
        """Return an open leaving once its hosts stand so."""
        row = hr.until(lambda: self.told(person), lambda row: hr.stands(row) == expected, PATIENCE_S)
        assert (row.get("state"), hr.stands(row)) == ("open", expected)
        return row

    def closed(self, person: str) -> dict[str, Any]:
        """Return a leaving once it is proven everywhere, by what every host showed."""
        row = hr.until(lambda: self.told(person), lambda row: row.get("state") == "closed", PATIENCE_S)
        assert (row.get("state"), hr.stands(row)) == ("closed", PROVEN)
        assert hr.shown(row) == dict.fromkeys(MANAGED, OUT)
        return row


@pytest.fixture(scope="module")
def site(hired: Doors, postgres: Postgres) -> Iterator[Controllers]:
    """Return a site whose receiver listens on this machine; each test has workers of its own."""
    inventory, port = (
        Path(shutil.copytree(hired.inventory, hired.inventory.parent / "controllers/lab")),
        tls.free_port(),
    )
    hr.change(inventory, engine="procrastinate", database=postgres.fresh(), receiver=None, worker=None)
    tls.certified(inventory.parent, "controllers")
    root, token = (inventory.parent / "cert.pem").read_text(), (hired.keys / "hr-idp").read_text().strip()
    made = Controllers(inventory, Provider(run=here, receiver="127.0.0.1", port=port, root=root, token=token))
    pair = ["--cert", str(inventory.parent / "cert.pem"), "--key", str(inventory.parent / "key.pem")]
    with made.runs("receive", "receive", *pair, "--listen", f"127.0.0.1:{port}"):
        assert hr.until(lambda: tls.answers(port), bool, 60)
        yield made


@contextmanager
def switched_off(host: str) -> Iterator[None]:
    """Switch a machine off, and on again when the block ends."""
    here("podman", "stop", "--time", "5", f"haechi-lab-{host}")
    try:
        yield
    finally:
        here("podman", "start", f"haechi-lab-{host}")


@pytest.fixture
def served(lab: Lab, request: pytest.FixtureRequest) -> Iterator[bool]:
    """Return whether a host that was off can hear at boot who left, and deny them by itself."""
    verb = "start" if request.param else "stop"
    lab.inside("vault1", "systemctl", verb, "haechi-list-serve.socket")
    yield request.param
    lab.inside("vault1", "systemctl", "start", "haechi-list-serve.socket")
    # Who asked in vain raised an alarm, which stands until the next time.
    for host in MANAGED:
        lab.inside(host, "systemctl", "start", "haechi-list.service")


def test_what_the_identity_provider_says_ends_in_proof_by_one_of_two_controllers(
    hired: Doors, site: Controllers, capsys: pytest.CaptureFixture[str]
) -> None:
    """`active: false`, and her sessions end, she is out everywhere, and it is signed."""
    assert hired.knock_all(HANEUL, HOSTS) == dict.fromkeys(HOSTS, Answer.ACCEPTED)
    with ExitStack() as stack:
        sessions = [stack.enter_context(hr.session(hired, HANEUL, host)) for host in HOSTS]
        for name in ("A", "B"):
            stack.enter_context(site.works(name))
        began = time.monotonic()
        site.provider.deactivates(HANEUL)
        hr.tell(capsys, "procrastinate", site.closed(HANEUL), began)
        assert [one.wait(10) != 0 for one in sessions] == [True, True]
    assert hired.knock_all(HANEUL, MANAGED) == dict.fromkeys(MANAGED, Answer.REFUSED)
    assert hired.knock("minho", FAR) is Answer.ACCEPTED
    [bundle] = (hired.state / "hr/bundles").glob(f"*-{HANEUL}.json")
    hr.verified(bundle, site.inventory)


def answer_at_boot(hired: Doors, person: str) -> Answer:
    """Return the first answer of a host that is starting."""
    return hr.until(lambda: hired.knock(person, FAR), lambda heard: heard is not Answer.UNKNOWN, PATIENCE_S)


@pytest.mark.parametrize(
    ("served", "person"), [(False, DASOM), (True, JUN)], indirect=["served"], ids=["an old list", "the new list"]
)
def test_two_controllers_and_a_host_that_was_off_and_comes_back(
    served: bool,  # noqa: FBT001 - a case
    person: str,
    hired: Doors,
    site: Controllers,
    lab: Lab,
) -> None:
    """PostgreSQL and its queue: what answers is proven; what is off stays open, and is proven once it is on again.

    With an old list it lets them in until the worker comes; with the new one it has denied them before anybody came.
    """
    assert hired.knock_all(person, HOSTS) == dict.fromkeys(HOSTS, Answer.ACCEPTED)
    with hr.session(hired, person, "ops1") as open_session, site.works("A"), site.works("B"):
        with switched_off(FAR):
            site.provider.deactivates(person)
            site.stands(person, {**PROVEN, FAR: "unreachable"})
            assert open_session.wait(10) != 0
        assert served or lab.inside(FAR, "test", "-s", f"/etc/ssh/authorized_keys.d/{person}").returncode == 0
        assert not served or answer_at_boot(hired, person) is Answer.REFUSED
        row = site.closed(person)

    [(tries, itself)] = [(host["tries"], host["record"]["by_itself"]) for host in row["hosts"] if host["host"] == FAR]
    assert (tries > 1, itself) == (True, served)
    assert hired.knock(person, FAR) is Answer.REFUSED
    assert hired.knock("minho", FAR) is Answer.ACCEPTED
    [bundle] = (hired.state / "hr/bundles").glob(f"*-{person}.json")
    hr.verified(bundle, site.inventory)
    assert list(runfolder.root().glob(f"{runfolder.PREFIX}*")) == []


def test_one_controller_falls_one_sleeps_and_the_third_takes_both_over(
    hired: Doors, site: Controllers, lab: Lab
) -> None:
    """Each holds a lease in the middle of a push. Whoever wakes up late writes nothing any more."""
    with site.works("asleep") as asleep, ExitStack() as stack:
        site.provider.deactivates(YUL)
        hr.wait_for_first_door(lab, YUL)
        asleep.send_signal(signal.SIGSTOP)
        falling = stack.enter_context(site.works("falling"))
        site.provider.deactivates(ARA)
        hr.wait_for_first_door(lab, ARA)
        falling.kill()
        falling.wait()
        stack.enter_context(site.works("third"))
        rows = {person: site.closed(person) for person in (YUL, ARA)}
        assert min(host["token"] for row in rows.values() for host in row["hosts"]) > 1

        asleep.send_signal(signal.SIGCONT)
        log = site.log("asleep")
        assert f"{FENCED}1 of revocation" in hr.until(log.read_text, lambda text: FENCED in text, 60)
    assert {person: hr.nonces(site.told(person)) for person in rows} == {who: hr.nonces(rows[who]) for who in rows}
    for person in rows:
        assert hired.knock_all(person, HOSTS) == dict.fromkeys(HOSTS, Answer.REFUSED)
    assert site.playbooks() == []


def test_a_playbook_is_killed_and_the_database_falls_in_the_middle_of_the_next(
    site: Controllers, lab: Lab, postgres: Postgres
) -> None:
    """The worker lives through both; the first try proved nothing, and what the second one saw is not lost."""
    with site.works("A") as worker:
        site.provider.deactivates(DANBI)
        hr.wait_for_first_door(lab, DANBI)
        for pid in site.playbooks():
            subprocess.run(["kill", "-9", str(pid)], check=False)
        # Seen in what it says: it tries again after five seconds, and to ask the ledger may take longer.
        assert NOTHING in hr.until(site.log("A").read_text, lambda text: NOTHING in text, PATIENCE_S)
        assert hr.until(site.playbooks, bool, 60) != []
        postgres.restart()

        row = site.closed(DANBI)
        assert worker.poll() is None
    assert {host["tries"] for host in row["hosts"]} == {2}


def test_what_was_not_seen_to_refuse_stays_open(site: Controllers, lab: Lab) -> None:
    """An empty inventory, then one that lacks a host and a network that is cut before the proof."""
    hosts = site.inventory / "hosts.yml"
    whole = hosts.read_text()
    with site.works("A"):
        try:
            hosts.write_text(hr.hosts_file())
            site.provider.deactivates(BORI)
            site.stands(BORI, dict.fromkeys(MANAGED, "unknown"))
            with hr.cut_off(lab, FAR):
                hosts.write_text(hr.hosts_file(*(host for host in MANAGED if host != "db1")))
                row = site.stands(BORI, {**PROVEN, "db1": "unknown", FAR: "applied"})
        finally:
            hosts.write_text(whole)
        reasons = {host["host"]: " ".join(host["reasons"]) for host in row["hosts"]}
        assert "not part of the run: db1" in reasons["db1"]
        site.closed(BORI)


@contextmanager
def full(folder: Path) -> Iterator[Path]:
    """Let the disk under a folder be full, until what is yielded is removed; what was written stays in the end."""
    kept, ballast = folder.with_name("hx-kept"), folder / "ballast"
    assert here("mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "small", str(folder)).returncode == 0
    try:
        here("sh", "-c", f"head -c 2M /dev/zero > {ballast}")
        yield ballast
    finally:
        here("cp", "-a", str(folder), str(kept))
        here("umount", str(folder))
        here("cp", "-a", f"{kept}/.", str(folder))
        shutil.rmtree(kept)


def test_a_full_disk_under_the_evidence_is_said_and_keeps_everything_open(hired: Doors, site: Controllers) -> None:
    """She is out, which is what presses; that it was proven nobody says before it is on the disk."""
    with site.works("A"), full(hired.state / "evidence/runs") as ballast:
        site.provider.deactivates(SORI)
        row = site.stands(SORI, dict.fromkeys(MANAGED, "applied"))
        assert {"the disk is full" in " ".join(host["reasons"]) for host in row["hosts"]} == {True}
        assert "the disk is full: free space and run again" in site.log("A").read_text()
        ballast.unlink()
        site.closed(SORI)
