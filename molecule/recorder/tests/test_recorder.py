"""What is recorded, what is not, and who is refused when the recorder stands still."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from testinfra.host import Host

from .conftest import FAILED, KEEPS, SENDS, Desk, converge, eventually, recordings, replayed, watched

ALARMS = "/var/lib/haechi/alarms"
WATCH = "haechi-recorder-watch.timer"
OFTEN = f"/run/systemd/system/{WATCH}.d/often.conf"


def test_a_person_s_sudo_is_replayed_on_the_log_host(desk: Desk, log_host: Host) -> None:
    """By its content: the words that the command showed, under the machine's and the person's names."""
    before = recordings(log_host, desk.name)
    seen = desk.ssh("ann", f"sudo -n {FAILED}")
    assert seen.returncode == 0, seen.stderr

    assert eventually(lambda: len(recordings(log_host, desk.name)) > len(before))
    (number,) = recordings(log_host, desk.name) - before
    shown = replayed(log_host, number)
    assert number.startswith(f"{desk.name}/ann/")
    assert f"Replaying sudo session: {FAILED}" in shown
    assert seen.stdout.splitlines()[-1] in shown


def test_a_password_that_is_typed_is_in_no_recording(desk: Desk, log_host: Host, asks: str) -> None:
    """The prompt is there and how long the answer was; the answer stands nowhere on the machine or the log host."""
    secret = f"Geheim-{desk.name}-4711"
    before = recordings(log_host, desk.name)
    shown = desk.typed("ann", f"sudo -n {asks}", prompt="Password: ", answer=secret)
    assert f"heard {len(secret)}" in shown

    def arrived() -> bool:
        new = recordings(log_host, desk.name) - before
        return any(f"heard {len(secret)}" in replayed(log_host, number) for number in new)

    assert eventually(arrived)
    # Recordings are compressed on no host of ours (iolog_compress), so that grep sees what is in them.
    assert log_host.run("grep -rl %s /var/log/sudo-io /var/log/sudo_logsrvd", secret).stdout == ""


def test_automation_is_logged_and_not_recorded(host: Host, desk: Desk, log_host: Host) -> None:
    """Each task of a playbook is a sudo: its event goes to syslog, and no recording is made."""
    mark = f"mark-{desk.name}"
    before = recordings(log_host, desk.name)
    host.check_output("echo %s", mark)

    # What the journal has received is there once this returns (journalctl(1)); sudo's line may still be on its way.
    told = "journalctl --sync && journalctl -o cat -t sudo --since -120s"
    assert eventually(lambda: mark in host.check_output(told))
    assert {number for number in recordings(log_host, desk.name) - before if "/haechi/" in number} == set()


def test_no_recorder_no_sudo_and_the_next_run_mends_it(over_ssh: Callable[[str], Host], keys: Path) -> None:
    """People are refused, the automation is not, an alarm says so, and a run of the role brings it back everywhere."""
    at = [(Desk(name, keys), over_ssh(name)) for name in (KEEPS, *SENDS)]
    for desk, host in at:
        assert desk.ssh("ann", f"sudo -n {FAILED}").returncode == 0
        # An alarm that stands is told once: this one must begin now.
        watched(host)
    for _, host in at:
        host.check_output("systemctl disable --now haechi-recorder.service")
    for desk, host in at:
        assert_refused(desk, host)

    mended = converge()
    assert mended.returncode == 0, mended.stdout
    for desk, host in at:
        assert desk.ssh("ann", f"sudo -n {FAILED}").returncode == 0
        watched(host)
        assert not host.file(f"{ALARMS}/recorder-stopped.json").exists


def assert_refused(desk: Desk, host: Host) -> None:
    """Without a recorder of its own a machine refuses Ann, lets the automation on and raises an alarm."""
    refused = desk.ssh("ann", f"sudo -n {FAILED}")
    assert (refused.returncode, "unable to connect to log server" in refused.stderr) == (1, True)
    assert host.check_output("id -un") == "root"  # over the automation's own sudo
    watched(host)
    alarm = json.loads(host.file(f"{ALARMS}/recorder-stopped.json").content_string)
    assert (alarm["schema"], alarm["name"]) == (1, "recorder-stopped")
    told = host.check_output("journalctl --sync && journalctl -o cat -t haechi-alarm --since -60s")
    assert "recorder-stopped: nothing answers" in told


def test_a_killed_recorder_comes_back_by_itself(host: Host, desk: Desk) -> None:
    """Systemd starts it again within seconds (systemd.service(5), Restart)."""
    host.check_output("systemctl kill --signal KILL haechi-recorder.service")

    assert eventually(lambda: desk.ssh("ann", f"sudo -n {FAILED}").returncode == 0, 10)


def test_a_recording_that_is_cut_short_arrives(host: Host, desk: Desk, log_host: Host, tells: str) -> None:
    """The recorder is killed while Ann is at work: what it had kept is replayed, and nothing waits behind it."""
    if desk.name == KEEPS:
        pytest.skip("the log host sends nothing")
    before, queue = recordings(log_host, desk.name), "/var/log/sudo_logsrvd"
    at_work = desk.begins("ann", f"sudo -n {tells}")
    try:
        assert eventually(lambda: host.run(f"grep -l 1000 {queue}/incoming/*").rc == 0)
        host.check_output("systemctl kill --signal KILL haechi-recorder.service")

        assert eventually(lambda: bool(recordings(log_host, desk.name) - before))
        assert eventually(lambda: host.check_output("find %s -name 'relay.*'", queue) == "")
        (number,) = recordings(log_host, desk.name) - before
        assert "\n1000\n" in replayed(log_host, number).replace("\r", "")
    finally:
        at_work.communicate("words\n", timeout=60)


def test_a_recording_that_nobody_can_replay_is_told(host: Host, desk: Desk) -> None:
    """It is put aside, so that it keeps nothing back, and an alarm stands until somebody takes it away."""
    if desk.name == KEEPS:
        pytest.skip("the log host sends nothing")
    queue, alarm = "/var/log/sudo_logsrvd", f"{ALARMS}/recordings-damaged.json"
    host.check_output(f"install -d -m 700 {queue}/outgoing; echo x > {queue}/outgoing/relay.broken")
    try:
        watched(host, "systemctl restart haechi-recorder.service")
        assert f"1 of {queue}/damaged cannot be sent" in json.loads(host.check_output("cat %s", alarm))["what"]
    finally:
        host.check_output(f"rm -f {queue}/*/relay.broken")
    watched(host)
    assert not host.file(alarm).exists


@pytest.fixture
def watched_often(over_ssh: Callable[[str], Host]) -> Iterator[None]:
    """Have the senders' own timer come every five seconds in place of each minute."""
    text = "[Timer]\nOnBootSec=\nOnUnitActiveSec=\nOnActiveSec=1s\nOnUnitActiveSec=5s\n"
    for name in SENDS:
        over_ssh(name).check_output("mkdir -p %s; printf %%s %s > %s", OFTEN.rpartition("/")[0], text, OFTEN)
        over_ssh(name).check_output("systemctl daemon-reload; systemctl restart %s", WATCH)
    yield
    for name in SENDS:
        over_ssh(name).check_output("rm %s; systemctl daemon-reload; systemctl restart %s", OFTEN, WATCH)


@pytest.mark.usefixtures("watched_often")
def test_while_the_log_host_is_away_nothing_is_lost(
    over_ssh: Callable[[str], Host], keys: Path, log_host: Host
) -> None:
    """People and automation work on, the wait becomes an alarm, a run mends the log host, and everything arrives."""
    at, waiting = {name: over_ssh(name) for name in SENDS}, "find /var/log/sudo_logsrvd/outgoing -type f -size +0"
    for host in at.values():
        assert eventually(lambda host=host: host.check_output(waiting) == "", 120), host.run(f"{waiting} -ls").stdout
    before = {name: recordings(log_host, name) for name in at}
    log_host.check_output("systemctl stop haechi-recorder.service")
    try:
        for name, host in at.items():
            assert_kept(Desk(name, keys), host)
        assert {name: recordings(log_host, name) for name in at} == before
        mended = converge()
        assert mended.returncode == 0, mended.stdout
        assert log_host.check_output("systemctl is-active haechi-recorder.service") == "active"
    finally:
        log_host.check_output("systemctl start haechi-recorder.service")

    # The watch has it sent again; a relay that asks again by itself is faster.
    for name, host in at.items():
        assert eventually(lambda name=name: len(recordings(log_host, name) - before[name]) == 3, 120)
        watched(host)
        assert not host.file(f"{ALARMS}/recordings-late.json").exists


def assert_kept(desk: Desk, host: Host) -> None:
    """While nobody takes them three recordings wait on the machine, which says so when it is for too long."""
    for _ in range(3):
        assert desk.ssh("ann", f"sudo -n {FAILED}").returncode == 0
    assert host.check_output("id -un") == "root"
    watched(host, "find /var/log/sudo_logsrvd/outgoing -type f -exec touch -d '-1 hour' {} +")
    assert "recordings wait for the log host" in host.file(f"{ALARMS}/recordings-late.json").content_string


def test_the_auditor_replays_and_nothing_else(desk: Desk, log_host: Host) -> None:
    """One exact command, whose argument comes on standard input: no path leads out of the recordings."""
    if desk.name != KEEPS:
        assert desk.ssh("carol", "true").returncode == 255
        return
    before = recordings(log_host, KEEPS)
    assert desk.ssh("ann", f"sudo -n {FAILED}").returncode == 0
    assert eventually(lambda: bool(recordings(log_host, KEEPS) - before))
    (number,) = recordings(log_host, KEEPS) - before
    listed = desk.ssh("carol", "sudo -n /usr/libexec/haechi/replay", text="list\n")
    shown = desk.ssh("carol", "sudo -n /usr/libexec/haechi/replay", text=f"{number}\n")

    assert (listed.returncode, f"TSID={number}" in listed.stdout) == (0, True), listed.stderr
    assert (shown.returncode, f"Replaying sudo session: {FAILED}" in shown.stdout) == (0, True)
    assert desk.ssh("carol", "sudo -n /usr/libexec/haechi/replay", text="../../etc/shadow\n").returncode == 2
    assert desk.ssh("carol", f"sudo -n /usr/bin/sudoreplay -d /var/log/sudo-io {number}").returncode == 1
    assert desk.ssh("carol", f"cat /var/log/sudo-io/{number}/ttyout").returncode == 1
    assert desk.ssh("ann", "sudo -n /usr/libexec/haechi/replay", text="list\n").returncode == 1
