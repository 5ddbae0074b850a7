"""Somebody leaves because HR says so, by the unit on the lab's control node; auditors were hired for this alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from haechi.demo.doors import Answer, Doors

from . import hr
from .conftest import MANAGED, Lab
from .hr import DURI, FAR, GAON, HOSTS, MIRA, NARI, OUT, PATIENCE_S, PROVEN, SUA, Provider, at, cut_off, hosts_file
from .hr_unit import PLAYBOOKS, Unit

UNIT_FILE = "/etc/systemd/system/haechi-work.service"
MORE_RIGHTS = (
    f"install -d {UNIT_FILE}.d; printf '[Service]\\nNoNewPrivileges=no\\n' > {UNIT_FILE}.d/hx.conf;"
    " systemctl daemon-reload"
)
ANOTHER = (
    f"cp {UNIT_FILE} /root/hx; sed -i 's|^ExecStart=.*|ExecStart=/usr/bin/sleep infinity|' {UNIT_FILE};"
    " systemctl daemon-reload; systemctl restart haechi-work.service"
)
DENIED = "/etc/ssh/sshd_config.d/00-hx.conf"


@pytest.fixture(scope="module")
def hired(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """Return the doors of a site with some people more."""
    with hr.hired(lab, tmp_path_factory.mktemp("hired")) as doors:
        yield doors


@pytest.fixture(scope="module")
def unit(lab: Lab, hired: Doors) -> Iterator[Unit]:
    """Return the worker on the control node; afterwards it is gone, and its state is here again."""
    made = Unit(lab, hired)
    yield made
    made.close()


@pytest.fixture(scope="module")
def provider(lab: Lab, hired: Doors) -> Provider:
    """Return the identity provider outside, which the receiver at the edge hears."""
    return Provider(
        run=lambda *command: lab.inside("client1", *command),
        receiver="10.77.10.11",
        port=8443,
        root=lab.inside("edge1", "cat", "/etc/haechi/x509/root.pem").stdout,
        token=(hired.keys / "hr-idp").read_text().strip(),
    )


def closed(unit: Unit, person: str) -> dict[str, Any]:
    """Return a leaving once it is proven everywhere, by what every host showed in a run that is on record."""
    row = hr.until(lambda: unit.told(person), lambda row: row.get("state") == "closed", PATIENCE_S)
    assert (row.get("state"), hr.stands(row)) == ("closed", PROVEN), unit.journal()
    assert hr.shown(row) == dict.fromkeys(MANAGED, OUT)
    assert hr.nonces(row) <= {*unit.kept(person)}
    assert len(unit.tombstones(person)) == 1
    return row


def stands(unit: Unit, person: str, expected: dict[str, str]) -> dict[str, Any]:
    """Return an open leaving once its hosts stand so."""
    row = hr.until(lambda: unit.told(person), lambda row: hr.stands(row) == expected, PATIENCE_S)
    assert (row.get("state"), hr.stands(row)) == ("open", expected), unit.journal()
    return row


def test_what_the_identity_provider_says_outside_ends_in_proof_by_the_unit(  # noqa: PLR0913, PLR0917 - its parts
    hired: Doors, unit: Unit, provider: Provider, lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`active: false` at the edge, two units, nobody here: her sessions end, she is out, and it is signed."""
    assert hired.knock_all(MIRA, HOSTS) == dict.fromkeys(HOSTS, Answer.ACCEPTED)
    with ExitStack() as stack:
        sessions = [stack.enter_context(hr.session(hired, MIRA, host)) for host in HOSTS]
        began = time.monotonic()
        provider.deactivates(MIRA)
        row = closed(unit, MIRA)
        hr.tell(capsys, "embedded", row, began)
        assert [one.wait(10) != 0 for one in sessions] == [True, True]
    assert hired.knock_all(MIRA, MANAGED) == dict.fromkeys(MANAGED, Answer.REFUSED)
    assert hired.knock("minho", FAR) is Answer.ACCEPTED
    journals = [lab.inside(host, "journalctl", "--no-pager", "-u", "ssh.service").stdout for host in (FAR, "edge1")]
    accepted = [line for text in journals for line in text.splitlines() if f" {unit.fingerprint} ID " in line]
    assert {FAR, "edge1"} == {line.split()[3] for line in accepted}
    assert [line for text in journals for line in text.splitlines() if line.endswith(unit.fingerprint)] == []
    bundle = unit.root(f"ls {unit.state}/hr/bundles/*-{MIRA}.json").strip()
    assert unit.root(f"stat -c %U {bundle}").strip() == "haechi-work"
    (tmp_path / "bundle.json").write_text(unit.root(f"cat {bundle}"))
    hr.verified(tmp_path / "bundle.json", hired.inventory)


def test_a_worker_that_is_killed_in_the_middle_of_a_push_loses_nothing(
    hired: Doors, unit: Unit, provider: Provider, lab: Lab
) -> None:
    """Some doors are shut, with nothing written: its playbook dies with it, and the next one proves all of them."""
    first = unit.pid()
    provider.deactivates(SUA)
    hr.wait_for_first_door(lab, SUA, f"kill -9 {first}")
    assert hr.until(unit.playbooks, lambda left: left == [], 60) == []
    assert unit.kept(SUA) == {}

    row = closed(unit, SUA)
    assert unit.pid() != first
    assert [*unit.kept(SUA)] == [*hr.nonces(row)]
    assert {host["tries"] for host in row["hosts"]} == {1}
    assert hired.knock_all(SUA, HOSTS) == dict.fromkeys(HOSTS, Answer.REFUSED)


def test_a_playbook_that_is_killed_in_the_middle_of_a_push_proves_nothing(
    unit: Unit, provider: Provider, lab: Lab
) -> None:
    """The worker goes on, counts the try, and has every host proven by another run."""
    worker = unit.pid()
    provider.deactivates(DURI)
    hr.wait_for_first_door(lab, DURI, f"kill -9 $({PLAYBOOKS} | cut -d/ -f3) || true")

    row = closed(unit, DURI)
    assert unit.pid() == worker
    # A machine that is busy may need a third; the one that was killed showed nothing of any host.
    assert {host["tries"] for host in row["hosts"]} in ({2}, {2, 3})
    seen = {nonce: {*kept["seen"].values()} for nonce, kept in unit.kept(DURI).items()}
    assert all("proven" in seen.pop(nonce) for nonce in hr.nonces(row))
    assert [*seen.values()] == [set()]


def test_a_full_disk_under_the_evidence_is_said_and_keeps_everything_open(unit: Unit, provider: Provider) -> None:
    """She is out, which is what presses; that it was proven nobody says before it is on the disk."""
    with unit.full(f"{unit.state}/evidence/runs") as make_room:
        provider.deactivates(NARI)
        row = stands(unit, NARI, dict.fromkeys(MANAGED, "applied"))
        assert {"the disk is full" in " ".join(host["reasons"]) for host in row["hosts"]} == {True}
        assert "the disk is full: free space and run again" in unit.journal()
        make_room()
        closed(unit, NARI)


@pytest.mark.parametrize(
    ("breaks", "undoes", "seen"),
    [
        (MORE_RIGHTS, f"rm -r {UNIT_FILE}.d", "haechi-work.service: NoNewPrivileges is no"),
        (ANOTHER, f"mv /root/hx {UNIT_FILE}", "haechi-work.service runs /usr/bin/sleep infinity"),
        (
            "systemctl disable --quiet haechi-work.service",
            "systemctl enable --quiet haechi-work.service",
            "is disabled",
        ),
        ("systemctl stop haechi-work.service", "true", "haechi-work.service is inactive"),
    ],
    ids=["it may gain rights", "it runs something else", "it does not start at boot", "it does not run"],
)
def test_the_audit_says_so_when_the_worker_is_not_as_it_was_made(
    unit: Unit, breaks: str, undoes: str, seen: str
) -> None:
    """The worker's half of the control `hr-services`, by what systemd and the processes show on the control node."""
    assert (unit.judged().status, unit.judged().seen) == ("pass", "haechi-work.service as made")
    unit.root(breaks)
    broken = unit.judged()
    unit.root(f"{undoes}; systemctl daemon-reload; systemctl restart haechi-work.service")

    assert broken.status == "fail"
    assert seen in broken.seen
    assert unit.judged().status == "pass"


def test_what_was_not_seen_to_refuse_stays_open(unit: Unit, provider: Provider, lab: Lab) -> None:
    """An empty inventory, one that lacks a host, a host that refuses the worker, a network cut before the proof."""
    with unit.inventory(hosts_file()):
        provider.deactivates(GAON)
        stands(unit, GAON, dict.fromkeys(MANAGED, "unknown"))
    with (
        unit.inventory(hosts_file(*(host for host in MANAGED if host != "db1"))),
        at(
            lab,
            "vault1",
            f"echo DenyUsers haechi > {DENIED}; systemctl reload ssh",
            f"rm {DENIED}; systemctl reload ssh",
        ),
        cut_off(lab, FAR),
    ):
        lacking = {"db1": "unknown", "vault1": "unreachable", FAR: "applied"}
        row = stands(unit, GAON, {**PROVEN, **lacking})
        (cut,) = [host["record"] for host in row["hosts"] if host["host"] == FAR]
        assert [cut["before"]["person"], cut["after"]["person"], cut["status"]] == ["accepted", "unknown", "unknown"]
        reasons = {host["host"]: " ".join(host["reasons"]) for host in row["hosts"]}
        assert "not part of the run: db1" in reasons["db1"]
    closed(unit, GAON)
