"""An update that waits is seen, judged, refused outside the window, and installed in it on request alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from haechi.controls.fwupd import CONTROLS
from haechi.policy import load, state_dir

from .conftest import DEVICE, HOSTS, INVENTORY, NEW, OLD, ansible, audited, converged, does, version

Asked = Callable[..., tuple[int, str]]
BREAKERS = {control.id: control.breaker for control in CONTROLS}
JOB = "/etc/cron.d/firmware"
BOOT = "cat /proc/sys/kernel/random/boot_id; systemctl show -P UserspaceTimestampMonotonic"


def versions() -> dict[str, str]:
    """Return what runs on both."""
    return {host: version(host) for host in HOSTS}


@pytest.mark.usefixtures("offered")
def test_an_update_is_judged_refused_outside_the_window_and_installed_in_it(asked: Asked, tmp_path: Path) -> None:
    """One story, from the audit that fails to the one that passes; what could install by itself is told beside it."""
    for host in HOSTS:
        does(host, BREAKERS["firmware-by-window"].script)
        does(host, f"mkdir -p /etc/cron.d; echo '7 3 * * * root fwupdmgr update --assume-yes' > {JOB}")
    for rows in audited(tmp_path).values():
        assert {row["status"] for row in rows.values()} == {"fail"}, rows
        assert f"Integrated Webcam™: {OLD} -> {NEW} since 2026-01-01" in rows["firmware-current"]["seen"]
        told = ("lvfs is asked for updates", "lvfs is told what this host runs", "fwupd-refresh.timer is", JOB)
        assert [words for words in told if words not in rows["firmware-by-window"]["seen"]] == []

    # The role mends what is its own, and leaves the device alone.
    for host in HOSTS:
        does(host, f"rm -f {JOB}")
    converged()
    assert versions() == dict.fromkeys(HOSTS, OLD)

    code, said = asked(minutes=120)
    assert (code != 0, said.count("fatal: [")) == (True, 1), said
    assert "no firmware is installed now" in said
    assert "Have fwupd install it" not in said
    code, said = asked("--check", minutes=120)
    assert (code, f"trixie: Integrated Webcam™ {OLD} -> {NEW}: waits" in said) == (0, True), said
    assert versions() == dict.fromkeys(HOSTS, OLD)

    code, said = asked(minutes=-5)
    assert code == 0, said
    for host in HOSTS:
        assert f"{host}: Integrated Webcam™ {OLD} -> {NEW}: installed" in said
    assert versions() == dict.fromkeys(HOSTS, NEW)
    for rows in audited(tmp_path).values():
        assert {row["status"] for row in rows.values()} == {"pass"}, rows
    code, said = asked(minutes=-5)
    assert (code, said.count("no update waits")) == (0, len(HOSTS)), said


@pytest.mark.usefixtures("offered")
def test_what_waits_for_a_reboot_is_said_and_nobody_reboots(asked: Asked, tmp_path: Path) -> None:
    """Until somebody does, the audit fails; and beside it an update that its vendor calls critical fails at once.

    What was installed is in the evidence, with the host, the device and both versions.
    """
    waits, urgent = HOSTS
    boots = does(waits, BOOT)
    does(waits, "printf '[test]\\nNeedsReboot=true\\n' >> /etc/fwupd/fwupd.conf; systemctl restart fwupd")
    does(urgent, BREAKERS["firmware-current"].script)
    try:
        code, said = asked("--limit", waits, minutes=-5)

        assert code == 0, said
        assert f"{waits}: Integrated Webcam™ {OLD} -> {NEW}: waits for a reboot: nobody reboots but you" in said
        seen = {host: rows["firmware-current"] for host, rows in audited(tmp_path).items()}
        assert {row["status"] for row in seen.values()} == {"fail"}
        assert f"an update is installed, and {OLD} runs until somebody reboots" in seen[waits]["seen"]
        assert f"{OLD} -> 9.9.9, and 9.9.9 is critical" in seen[urgent]["seen"]
        assert does(waits, BOOT) == boots
        assert [(waits, DEVICE, NEW, "waits for a reboot")] == recorded()
    finally:
        does(waits, "sed -i '/^.test.$/,$d' /etc/fwupd/fwupd.conf; systemctl restart fwupd")
        does(urgent, BREAKERS["firmware-current"].undo)


def recorded() -> list[tuple[str, str, str, str]]:
    """Return host, device, version and state of what the evidence says was installed, by the newest run that did."""
    policy = load(INVENTORY).policy
    assert policy is not None
    newest = max((state_dir(policy) / "evidence/runs").glob("*-firmware-*/records.jsonl"))
    bodies = [json.loads(line)["body"] for line in newest.read_text().splitlines()]
    told = [body for body in bodies if body.get("what") == "firmware"]
    return [(body["host"], row["id"], row["offered"], row["state"]) for body in told for row in body["devices"]]


def test_an_archive_that_does_not_install_stops_at_the_first_host(asked: Asked) -> None:
    """It is said why, the device is as it was, and no other host is begun."""
    try:
        for host in HOSTS:
            does(host, BREAKERS["firmware-current"].script)

        code, said = asked(minutes=-5)

        assert code != 0
        assert "9.9.9: failed: " in said
        assert sum(f"{host}: Integrated Webcam" in said for host in HOSTS) == 1, said
        assert versions() == dict.fromkeys(HOSTS, OLD)
    finally:
        for host in HOSTS:
            does(host, BREAKERS["firmware-current"].undo)


def test_a_host_goes_by_its_own_clock_too() -> None:
    """A controller whose clock is wrong, or whose window is over by now, has nothing installed."""
    asked = json.dumps({"step": "install", "begins": 1000000000, "ends": 1000003600})
    code, said = ansible("ansible", "-i", str(INVENTORY), HOSTS[0], "-m", "haechi.guard.firmware", "-a", asked)

    assert code != 0
    assert "the window is 2001-09-09 01:46 to 2001-09-09 02:46 UTC: nothing was installed" in said
