"""The automation's certificate opens from the control node, from nowhere else, and every other use is an alarm."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from testinfra.host import Host

from haechi import sshconfig

from .conftest import ALARMS, INVENTORY, POLICY, ROOT, STATE, Machine

CERTIFICATE = STATE / sshconfig.CERTIFICATE
ELSEWHERE = "gw"
Done = subprocess.CompletedProcess[str]


Alone = Callable[[str], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def certificate(alone: Alone, testrun_uid: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the certificate that a run fetches before it connects anywhere: one for the tests of both machines."""
    fetched = tmp_path_factory.getbasetemp().parent / f"certificate-{testrun_uid}"
    with alone("trixie"):
        if not fetched.exists():
            CERTIFICATE.unlink(missing_ok=True)
            (STATE / "automation-cert.failed").unlink(missing_ok=True)
            argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(INVENTORY), "playbooks/audit.yml"]
            subprocess.run([*argv, "--limit", "trixie"], capture_output=True, check=False, timeout=300, cwd=ROOT)
            fetched.touch()
    assert CERTIFICATE.is_file()
    return CERTIFICATE


@pytest.fixture
def machine(host: Host, keys: Path, alone: Alone) -> Iterator[Machine]:
    """Return a machine as policy wants it, with no alarm of before; its log is read from here on."""
    made = Machine(host.backend.get_pytest_id().removeprefix("ssh://"), keys)
    with alone(made.name):
        made.sh(f"systemctl stop haechi-list.timer; systemctl start haechi-list.service; rm -f {ALARMS}/automation*")
        yield made


@pytest.fixture
def unfiltered(machine: Machine) -> Iterator[None]:
    """Let ssh pass for one test: a firewall that another scenario left answers before sshd can, on either side."""
    chains = ((machine, "input"), (Machine(ELSEWHERE, machine.keys), "output"))
    for one, chain in chains:
        rule = f"nft insert rule inet haechi {chain} tcp dport 22 accept comment {machine.name}"
        one.sh(f"if nft list table inet haechi >/dev/null 2>&1; then {rule}; fi")
    yield
    for one, chain in chains:
        mine = f"nft -a list chain inet haechi {chain} 2>/dev/null | sed -n 's/.* \"{machine.name}\" # handle //p'"
        one.sh(f"for handle in $({mine}); do nft delete rule inet haechi {chain} handle $handle; done")


def login(machine: Machine, folder: Path, *, certified: bool, source: str = "") -> Done:
    """Log in as the automation with its certificate or its bare key alone; from another machine if one is named."""
    shutil.copy(machine.keys / "haechi", folder / "key")
    if certified:
        shutil.copy(CERTIFICATE, folder / "certificate.pub")
    assert POLICY is not None
    argv = ["ssh", "-F", "none", "-oBatchMode=yes", "-oIdentitiesOnly=yes", "-oStrictHostKeyChecking=no"]
    argv += ["-oUserKnownHostsFile=/dev/null", "-oConnectTimeout=20", "-l", "haechi"]
    target = [str(POLICY.hosts[machine.name].address), "id", "-un"]
    if source:
        name = f"haechi-molecule-{source}"
        subprocess.run(["podman", "cp", f"{folder}/.", f"{name}:/root/way"], check=True, timeout=60)
        argv = ["podman", "exec", name, *argv, "-i", "/root/way/key"]
        folder = Path("/root/way")
    else:
        argv += ["-i", str(folder / "key")]
    # As the configuration of playbooks has it: a certificate that is named comes before the key.
    argv += [f"-oCertificateFile={folder / 'certificate.pub'}"] if certified else []
    argv += target
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=180, stdin=subprocess.DEVNULL)


def alarms(machine: Machine) -> str:
    """Return the alarms about the automation, after the machine looked; other tests have its server start anew."""
    look = "systemctl reset-failed haechi-list.service; systemctl start haechi-list.service && exit 0; sleep 1"
    machine.sh(f"for _ in $(seq 30); do {look}; done; exit 1")
    return machine.sh(f"cat {ALARMS}/automation* 2>/dev/null || true")


@pytest.mark.usefixtures("certificate")
def test_it_opens_from_the_control_node(machine: Machine, tmp_path: Path) -> None:
    """With the log's own word that it was the certificate, and no alarm."""
    done = login(machine, tmp_path, certified=True)

    assert done.stdout == "haechi\n", done.stderr
    log = machine.sh("journalctl --sync && journalctl -o cat -t sshd -t sshd-session --since -60s").splitlines()
    assert "ED25519-CERT" in [line for line in log if line.startswith("Accepted publickey for haechi")][-1]
    assert alarms(machine) == ""


def test_a_line_that_anybody_wrote_is_no_alarm(machine: Machine) -> None:
    """Only root's processes count, whatever name they log under."""
    forged = f"Accepted publickey for haechi from {ELSEWHERE} port 5 ssh2: ED25519 SHA256:x"
    machine.sh(f"runuser -u nobody -- logger --tag sshd '{forged}'")

    assert alarms(machine) == ""


@pytest.mark.usefixtures("certificate", "unfiltered")
@pytest.mark.parametrize("certified", [True, False])
def test_it_opens_from_nowhere_else(machine: Machine, tmp_path: Path, certified: bool) -> None:  # noqa: FBT001
    """Whoever stole both files and stands on another machine stays out, and somebody hears of it."""
    # Trixie is the bastion here, so bookworm is tried from beside it.
    done = login(machine, tmp_path, certified=certified, source=ELSEWHERE)

    assert "Permission denied" in done.stderr, done.stdout
    assert "automation-elsewhere" in alarms(machine)


@pytest.mark.usefixtures("certificate")
def test_the_bare_key_still_opens_and_is_reported(machine: Machine, tmp_path: Path) -> None:
    """The declared way back while the authority is down; on the way to the authority itself it is none of the news."""
    done = login(machine, tmp_path, certified=False)

    assert done.stdout == "haechi\n", done.stderr
    assert ("automation-bare-key" in alarms(machine)) is (machine.name == "bookworm")


def test_it_is_for_minutes(certificate: Path) -> None:
    """Half an hour, the control node and the bastion, and nothing but what a playbook needs."""
    done = subprocess.run(
        ["ssh-keygen", "-L", "-f", str(certificate)], capture_output=True, text=True, check=True, timeout=10
    )
    assert 'Key ID: "haechi"' in done.stdout
    assert "automation:haechi" in done.stdout
    assert POLICY is not None
    assert f"source-address {POLICY.site.control_node},{POLICY.hosts['trixie'].address}" in done.stdout
