"""What the role and bootstrap refuse, or leave alone, on a machine that is not as they expect."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from testinfra.host import Host

ROOT = Path(__file__).parents[3]
DROP_INS = "/etc/ssh/sshd_config.d"


def play(playbook: str, machine: str, *arguments: str) -> tuple[int, str]:
    """Run a playbook on one machine; return its exit code and its words on one line."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "molecule/inventory", playbook]
    done = subprocess.run(
        [*command, "--limit", machine, *arguments], capture_output=True, text=True, check=False, cwd=ROOT, timeout=300
    )
    return done.returncode, re.sub(r"\s+", " ", done.stdout + done.stderr)


@pytest.fixture(params=["trixie", "bookworm"])
def machine(request: pytest.FixtureRequest, over_ssh: Callable[[str], Host]) -> Iterator[tuple[str, Host]]:
    """Give a machine as bootstrap left it, and harden it again afterwards."""
    host = over_ssh(request.param)
    try:
        host.run_expect([0], f"rm {DROP_INS}/10-haechi.conf")
        keys = ".ssh/authorized_keys /etc/ssh/authorized_keys.d/%u"
        host.run_expect([0], f"echo AuthorizedKeysFile {keys} > {DROP_INS}/05-haechi-bootstrap.conf")
        # A reload shuts the port for an instant (sshd(8), SIGHUP).
        host.run_expect([0], "systemctl reload ssh; sleep 1")
        yield request.param, host
    finally:
        host.run(f"rm -f {DROP_INS}/00-cloud.conf; gpasswd --add ann haechi-login")
        assert play("molecule/sshd/converge.yml", request.param)[0] == 0


def test_a_file_that_comes_first_is_named(machine: tuple[str, Host]) -> None:
    """The first value wins in sshd: a cloud image's file would leave passwords on under our own `no`."""
    name, host = machine
    host.run_expect([0], f"echo PasswordAuthentication yes > {DROP_INS}/00-cloud.conf")
    code, said = play("molecule/sshd/converge.yml", name)

    assert code != 0
    assert f"passwordauthentication is 'yes', not 'no' (set by {DROP_INS}/00-cloud.conf)" in said
    assert not host.file(f"{DROP_INS}/10-haechi.conf").exists


def test_an_operator_whom_the_change_would_lock_out_stops_it(machine: tuple[str, Host]) -> None:
    """`sshd -t` is content with it; ann, who gets in today, would not."""
    name, host = machine
    host.run_expect([0], "gpasswd --delete ann haechi-login")
    code, said = play("molecule/sshd/converge.yml", name)

    assert code != 0
    assert "would lock ann out" in said
    assert "AllowGroups (haechi-login) holds none of the groups of ann" in said
    assert not host.file(f"{DROP_INS}/10-haechi.conf").exists


@pytest.mark.parametrize("user", ["root", "haechi"])
def test_bootstrap_leaves_a_hardened_machine_alone(user: str, keys: Path) -> None:
    """Root no longer gets in there; bootstrap says so and changes nothing."""
    key = ("--private-key", str(keys / "haechi"))
    code, said = play("playbooks/bootstrap.yml", "bookworm", "-v", "-e", f"bootstrap_user={user}", *key)

    assert (code, "changed=0" in said) == (0, True), said
    assert ("haechi already works here; root may no longer log in" in said) is (user == "root")
