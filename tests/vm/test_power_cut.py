"""A power cut in the middle of a guarded change: the boot itself takes it back."""

from __future__ import annotations

from . import power


def test_the_change_was_in_force_when_the_power_went(power_cut: power.Cut) -> None:
    """The positive control: on the disk, where the next boot looks, and in the kernel."""
    assert power_cut.file_armed == power_cut.file_before + power.HOLE
    assert f"tcp dport {power.OPENED} accept" in power_cut.live_armed


def test_the_old_file_and_the_old_rules_are_back(power_cut: power.Cut) -> None:
    """Byte for byte, and no hole in the kernel."""
    assert power_cut.file_after == power_cut.file_before
    assert str(power.OPENED) not in power_cut.boot.after["live"]


def test_no_mark_and_no_lock_is_left(power_cut: power.Cut) -> None:
    """The next change finds the host free."""
    assert not {"pending", "lock", "saved"} & set(power_cut.boot.after["guard"])


def test_the_boot_did_it(power_cut: power.Cut) -> None:
    """Not the clock of the change, which went with the power; the journal of this boot says so."""
    assert power_cut.boot.after["last"]["why"] == "boot"
    assert power_cut.boot.after["last"]["unmended"] == []
    assert "old state restored" in power_cut.journal.splitlines()


def test_it_was_done_before_anything_could_get_in(power_cut: power.Cut) -> None:
    """First the old file, then the rules from it, then the network, then sshd."""
    order = power_cut.order

    assert 0 < order["haechi-guard-rollback-ended"] <= order["haechi-firewall-began"]
    assert order["haechi-firewall-ended"] <= order["systemd-networkd-began"] < order["ssh-began"]
