"""The whole of what sshd itself says is in force, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest
from testinfra.host import Host

EXPECTED = Path(__file__).parent / "effective"
# Depends on the address the connection comes in by, or on the build, and is no promise of ours.
OURS_NOT = ("listenaddress", "gssapikexalgorithms", "sshdsessionpath", "sshdauthpath", "pidfile", "xauthlocation")


def effective(text: str) -> str:
    """Return the lines that are ours, sorted."""
    return "".join(f"{line}\n" for line in sorted(text.splitlines()) if line.split(" ")[0] not in OURS_NOT)


def test_the_effective_configuration(host: Host, name: str) -> None:
    """Any value that changes, by us, by Debian or by a file beside ours, is seen here."""
    assert effective(host.check_output("sshd -T")) == (EXPECTED / f"{name}.txt").read_text()


@pytest.mark.parametrize(
    ("user", "own"),
    [
        ("ann", {"authenticationmethods publickey", "kbdinteractiveauthentication no"}),
        ("haechi", {"authenticationmethods publickey", "kbdinteractiveauthentication no"}),
        ("tom", set()),
        ("root", set()),
        ("nobody", set()),
    ],
)
def test_nobody_has_settings_of_his_own_but_for_the_factor(host: Host, user: str, own: set[str]) -> None:
    """No Match block gives one account what the others lack."""
    whole = set(effective(host.check_output("sshd -T")).splitlines())
    his = set(effective(host.check_output("sshd -T -C user=%s,host=x,addr=192.0.2.1", user)).splitlines())

    assert his - whole == own


def test_bootstrap_s_drop_in_is_gone(host: Host) -> None:
    """It let keys in homes count."""
    assert not host.file("/etc/ssh/sshd_config.d/05-haechi-bootstrap.conf").exists


def test_an_idle_shell_ends_and_a_quiet_command_does_not(host: Host) -> None:
    """The limit is on shells: a backup that says nothing for ten minutes is no open door."""
    assert "channeltimeout session:shell=300" in host.check_output("sshd -T").splitlines()
