"""What holds after a boot: an orderly one, and one after a power cut in the middle of a change."""

from __future__ import annotations

import pytest

from haechi import offer
from haechi.lab import site

from . import peer
from .expected import ACCOUNTS, SSHD, SYSCTL
from .machine import INVENTORY, NAME, UNDECLARED, Boot, Machine
from .test_converge import recap


def test_the_machine_has_really_started_anew(boot: Boot) -> None:
    """A kernel draws its number once."""
    assert boot.before["boot_id"] != boot.after["boot_id"]


def test_every_kernel_value_is_in_force(boot: Boot) -> None:
    """Read below /proc/sys, each literally."""
    assert {key: boot.after["sysctl"].get(key) for key in SYSCTL} == SYSCTL


def test_the_firewall_in_force_is_the_file(boot: Boot) -> None:
    """Before and after, and what the file amounts to in a network namespace of its own."""
    assert "policy drop" in boot.after["live"]
    assert boot.after["live"] == boot.after["file"] == boot.before["live"]


def test_only_the_declared_port_answers(boot: Boot) -> None:
    """A program listens at another port, and nobody on the network gets there."""
    assert boot.after["open from here"] == {22: True, UNDECLARED: False}


def test_only_the_declared_way_leads_out(boot: Boot) -> None:
    """Both ports of the peer are served."""
    assert boot.after["opens"] == {str(peer.DECLARED): True, str(peer.UNDECLARED): False}


def test_sshd_is_what_it_was(boot: Boot) -> None:
    """No password, no root."""
    assert boot.after["sshd"] == SSHD


def test_the_accounts_are_there_with_their_keys(boot: Boot) -> None:
    """Those of policy and no others, byte for byte the keys of before."""
    assert boot.after["accounts"] == ACCOUNTS
    assert sorted(boot.after["keys"]) == ACCOUNTS
    assert boot.after["keys"] == boot.before["keys"]


def test_no_unit_failed(boot: Boot) -> None:
    """A unit that fails at boot is a control that is not there."""
    assert (boot.after["state"], boot.after["failed"]) == ("running", "")


def test_the_clock_follows_the_site_s_time_server(boot: Boot) -> None:
    """A container cannot show it: its clock is its machine's."""
    assert boot.after["synchronised"] is True


@pytest.mark.usefixtures("power_cut")
def test_who_gets_in_after_both_boots(machine: Machine) -> None:
    """Operators' keys are accepted, root's is not, and the automation becomes root."""
    policy = site.read_policy(INVENTORY)
    keys = {
        who.id: (INVENTORY.parents[1] / f".lab/vm/keys/{who.id}.pub").read_text().strip() for who in policy.identities
    }
    asked = {"ann": [keys["ann"]], "bob": [keys["bob"]], "root": [keys["haechi"]]}
    heard = offer.probe(f"-F {machine.config}", NAME, asked)

    assert {who: seen.answer for who, seen in heard.items()} == {
        "ann": offer.ACCEPTED,
        "bob": offer.ACCEPTED,
        "root": offer.REFUSED,
    }
    assert machine.root("id -un").strip() == "root"


@pytest.mark.usefixtures("power_cut")
def test_a_password_is_not_even_asked_for(machine: Machine) -> None:
    """Sshd offers one method, so there is nothing to guess."""
    weak = ("PreferredAuthentications=password,keyboard-interactive", "PasswordAuthentication=yes")
    answer = machine.ssh("true", options=tuple(part for option in weak for part in ("-o", option)))

    assert answer.returncode == 255
    assert answer.stderr.splitlines()[-1].endswith("Permission denied (publickey).")


@pytest.mark.usefixtures("power_cut")
def test_nothing_is_to_be_changed_after_both_boots(machine: Machine) -> None:
    """Looked at in check mode, which goes through every role, with differences shown."""
    looked = machine.playbook("site", "--check", "--diff")

    ok, *rest = recap(looked.stdout)
    assert (ok > 0, rest) == (True, [0, 0, 0]), looked.stdout[-3000:]
