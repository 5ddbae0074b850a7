"""Somebody leaves because HR says so, on the standing lab: auditors who were hired for these tests alone."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from haechi.demo.doors import Answer, Doors
from haechi.hr.work import runfolder
from tests import tls
from tests.postgres import Postgres, postgres

from . import hr
from .conftest import MANAGED, ROOT, Lab
from .hr import DASOM, JUN, MIRA, PROGRAM, Provider, Unit, here

__all__ = ["postgres"]

FAR = "log1"
PROVEN = dict.fromkeys(MANAGED, "proven")
PATIENCE_S = 300.0


@pytest.fixture(scope="module")
def hired(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """Return the doors of a site with some people more."""
    with hr.hired(lab, tmp_path_factory.mktemp("hired")) as doors:
        yield doors


@pytest.fixture
def unit(lab: Lab, hired: Doors) -> Iterator[Unit]:
    """Return the worker on the control node; afterwards it is gone, and its state is here again."""
    made = Unit(lab, hired)
    yield made
    made.close()


def verified(bundle: Path, inventory: Path) -> None:
    """Say that a bundle holds, by the key of the site."""
    done = here(str(PROGRAM), "hr", "verify", str(bundle), "-i", str(inventory))
    assert done.returncode == 0, done.stderr


def test_what_the_identity_provider_says_outside_ends_in_proof_by_the_unit(
    hired: Doors, unit: Unit, lab: Lab, tmp_path: Path, record_property: Any
) -> None:
    """`active: false` at the edge, two units, nobody here: her session ends, she is out, and it is signed."""
    provider = Provider(
        run=lambda *command: lab.inside("client1", *command),
        receiver="10.77.10.11",
        port=8443,
        root=lab.inside("edge1", "cat", "/etc/haechi/x509/root.pem").stdout,
        token=(hired.keys / "hr-idp").read_text().strip(),
    )
    with hr.session(hired, MIRA, FAR) as open_session:
        began = time.monotonic()
        provider.deactivates(MIRA)
        row = hr.until(lambda: unit.told(MIRA), lambda row: row.get("state") == "closed", PATIENCE_S)
        record_property("seconds", round(time.monotonic() - began, 1))

        assert (row.get("state"), hr.stands(row)) == ("closed", PROVEN), unit.journal()
        assert open_session.wait(10) != 0
    assert hired.knock(MIRA, FAR) is Answer.REFUSED
    assert hired.knock("minho", FAR) is Answer.ACCEPTED
    journals = [lab.inside(host, "journalctl", "--no-pager", "-u", "ssh.service").stdout for host in (FAR, "edge1")]
    accepted = [line for text in journals for line in text.splitlines() if f" {unit.fingerprint} ID " in line]
    assert {FAR, "edge1"} == {line.split()[3] for line in accepted}
    assert [line for text in journals for line in text.splitlines() if line.endswith(unit.fingerprint)] == []
    bundle = unit.root(f"ls {unit.state}/hr/bundles/*-{MIRA}.json").strip()
    assert unit.root(f"stat -c %U {bundle}").strip() == "haechi-work"
    (tmp_path / "bundle.json").write_text(unit.root(f"cat {bundle}"))
    verified(tmp_path / "bundle.json", hired.inventory)


@contextmanager
def controllers(inventory: Path, port: int) -> Iterator[None]:
    """Run a receiver and two workers here, as a site with two controllers does."""
    site = ["-i", str(inventory)]
    certificate = ["--cert", str(inventory.parent / "cert.pem"), "--key", str(inventory.parent / "key.pem")]
    commands = [["receive", *site, *certificate, "--listen", f"127.0.0.1:{port}"], ["work", *site], ["work", *site]]
    with ExitStack() as running:
        for number, command in enumerate(commands):
            log = running.enter_context((inventory.parent / f"service-{number}.log").open("wb"))
            process = subprocess.Popen(
                [str(PROGRAM), "hr", *command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            running.callback(process.wait, 60)
            running.callback(process.terminate)
        yield


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


@pytest.mark.parametrize(
    ("served", "person"), [(False, DASOM), (True, JUN)], indirect=["served"], ids=["an old list", "the new list"]
)
def test_two_controllers_and_a_host_that_was_off_and_comes_back(  # noqa: PLR0913, PLR0917 - the story's parts
    served: bool,  # noqa: FBT001 - a case
    person: str,
    hired: Doors,
    lab: Lab,
    postgres: Postgres,
    tmp_path: Path,
) -> None:
    """PostgreSQL and its queue: what answers is proven; what is off stays open, and is proven once it is on again.

    With an old list it lets them in until the worker comes; with the new one it has denied them before anybody came.
    """
    inventory, port = Path(shutil.copytree(hired.inventory, tmp_path / "inventories/lab")), tls.free_port()
    hr.change(inventory, engine="procrastinate", database=postgres.fresh(), receiver=None, worker=None)
    tls.certified(inventory.parent, "controllers")
    token = (hired.keys / "hr-idp").read_text().strip()
    root = (inventory.parent / "cert.pem").read_text()
    provider = Provider(run=here, receiver="127.0.0.1", port=port, root=root, token=token)
    assert hired.knock_all(person, hr.HOSTS) == dict.fromkeys(hr.HOSTS, Answer.ACCEPTED)

    def told() -> dict[str, Any]:
        return hr.of_person(here(str(PROGRAM), "hr", "status", "--json", "-i", str(inventory)).stdout, person)

    with hr.session(hired, person, "ops1") as open_session, controllers(inventory, port):
        with switched_off(FAR):
            assert hr.until(lambda: tls.answers(port), bool, 60)
            provider.deactivates(person)
            row = hr.until(told, lambda row: hr.stands(row) == {**PROVEN, FAR: "unreachable"}, PATIENCE_S)
            assert (row["state"], hr.stands(row)) == ("open", {**PROVEN, FAR: "unreachable"})
            assert open_session.wait(10) != 0
        assert served or lab.inside(FAR, "test", "-s", f"/etc/ssh/authorized_keys.d/{person}").returncode == 0
        row = hr.until(told, lambda row: row["state"] == "closed", PATIENCE_S)

    assert (row["state"], hr.stands(row)) == ("closed", PROVEN)
    [(tries, itself)] = [(host["tries"], host["record"]["by_itself"]) for host in row["hosts"] if host["host"] == FAR]
    assert (tries > 1, itself) == (True, served)
    assert hired.knock(person, FAR) is Answer.REFUSED
    assert hired.knock("minho", FAR) is Answer.ACCEPTED
    [bundle] = (hired.state / "hr/bundles").glob(f"*-{person}.json")
    verified(bundle, inventory)
    assert list(runfolder.root().glob(f"{runfolder.PREFIX}*")) == []
