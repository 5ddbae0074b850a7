"""When the watch raises an alarm, and when it takes it back: on files and sockets of the test's own."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.recorder import apply, replay, watch

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC).timestamp()


@pytest.fixture
def alarms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of alarms of the test's own; nothing is told to this machine's syslog."""
    monkeypatch.setattr(alarm, "ALARMS", tmp_path / "alarms")
    monkeypatch.setattr(alarm.syslog, "syslog", lambda *_: None)
    return tmp_path / "alarms"


def test_an_alarm_stands_until_its_cause_is_gone(alarms: Path) -> None:
    """The time is that of its beginning, however often it is raised; cleared twice is cleared."""
    alarm.raise_alarm("late", "one waits")
    first = (alarms / "late.json").read_text()
    alarm.raise_alarm("late", "one waits")

    said = json.loads(first)
    assert (said["schema"], said["name"], said["what"], set(said)) == (
        *(1, "late", "one waits"),
        {"schema", "name", "at", "what"},
    )
    assert (alarms / "late.json").read_text() == first
    alarm.clear("late")
    alarm.clear("late")
    assert list(alarms.iterdir()) == []


def test_a_full_disk_leaves_nothing_beside_the_alarms(alarms: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log has the line, and whoever asked hears that the file could not be kept."""
    said: list[str] = []

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(alarm.syslog, "syslog", lambda _, text: said.append(text))
    monkeypatch.setattr(alarm.os, "fsync", full)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left on device"):
            alarm.raise_alarm("late", "one waits")

    assert said == ["late: one waits", "late: one waits"]
    assert list(alarms.iterdir()) == []


@pytest.mark.parametrize(("age", "late"), [(299, False), (301, True)])
def test_a_recording_that_waits_too_long_is_late(tmp_path: Path, age: int, *, late: bool) -> None:
    """By the time of its last change; one without content was never begun."""
    queue = tmp_path / "outgoing"
    queue.mkdir()
    (queue / "relay.a").write_text("x")
    (queue / "relay.b").touch()
    os.utime(queue / "relay.a", (NOW - age, NOW - age))
    os.utime(queue / "relay.b", (0, 0))

    assert bool(watch.late(str(tmp_path), 300, NOW)) is late


def test_a_queue_that_was_never_made_has_nothing_late(tmp_path: Path) -> None:
    """The log host sends nothing anywhere."""
    assert watch.late(str(tmp_path), 300, NOW) == ""
    assert watch.damaged(str(tmp_path)) == ""


def message(field: int, body: bytes) -> bytes:
    """Return a message of ``sudo_logsrv.proto`` behind its size; fields below 16, bodies below 128 bytes."""
    return len(body + b"xx").to_bytes(4, "big") + bytes([field << 3 | 2, len(body)]) + body


BEGIN, SHOWN, END = message(1, b"ann\x18\x01"), message(9, b"hello"), message(3, b"\x0a\x00")
CUT = message(3, b"\x0a\x00\x2a\x31the recorder was stopped before the command ended")
REFUSED, UNRECORDED = message(2, b"no"), message(1, b"ann")


@pytest.mark.parametrize("place", ["incoming", "outgoing"])
@pytest.mark.parametrize(
    ("left", "sent"),
    [
        pytest.param(BEGIN + SHOWN + END, BEGIN + SHOWN + END, id="whole"),
        pytest.param(BEGIN + SHOWN, BEGIN + SHOWN + CUT, id="without-an-end"),
        pytest.param(BEGIN + SHOWN + END[:-1], BEGIN + SHOWN + CUT, id="cut-in-its-end"),
        pytest.param(BEGIN + SHOWN[:7], BEGIN + CUT, id="cut-in-what-was-shown"),
        pytest.param(BEGIN + SHOWN + END + b"\0\0", BEGIN + SHOWN + END, id="more-than-its-end"),
        pytest.param(REFUSED, REFUSED, id="a-refusal-has-no-end"),
        pytest.param(UNRECORDED, UNRECORDED, id="a-command-that-is-not-recorded-has-no-end"),
    ],
)
def test_what_an_ended_recorder_left_is_sent_with_an_end(tmp_path: Path, place: str, left: bytes, sent: bytes) -> None:
    """A recording without one is never taken for sent; its age is the same, so that one which waits is told."""
    (tmp_path / place).mkdir()
    (tmp_path / place / "relay.a").write_bytes(left)
    os.utime(tmp_path / place / "relay.a", (NOW, NOW))
    (tmp_path / place / "relay.b").touch()
    watch.requeue(str(tmp_path))

    assert {file.relative_to(tmp_path): file.read_bytes() for file in tmp_path.rglob("relay.*")} == {
        Path("outgoing/relay.a"): sent
    }
    assert (tmp_path / "outgoing/relay.a").stat().st_mtime == NOW


@pytest.mark.parametrize("left", [BEGIN[:-1], BEGIN[:3], b"\0\0\0\0\0\0"])
def test_what_has_no_beginning_is_kept_aside(tmp_path: Path, left: bytes) -> None:
    """Nothing of it can be replayed; in the queue it would keep back what is behind it."""
    (tmp_path / "outgoing").mkdir()
    (tmp_path / "outgoing/relay.a").write_bytes(left)
    watch.requeue(str(tmp_path))

    assert watch.damaged(str(tmp_path)).startswith(f"1 of {tmp_path}/damaged cannot be sent")
    assert (tmp_path / "damaged/relay.a").read_bytes() == left
    assert list((tmp_path / "outgoing").iterdir()) == []


def test_only_who_listens_answers_and_only_a_recorder_greets(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hangs takes a connection and says nothing."""
    monkeypatch.setattr(watch, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        listen = f"127.0.0.1:{server.getsockname()[1]}"
        assert watch.answers(listen)
        assert not watch.greets(listen)
        server.accept()
        server.accept()
        thread = threading.Thread(target=lambda: server.accept()[0].sendall(b"hello"))
        thread.start()
        assert watch.greets(listen)
        thread.join()
    assert not watch.answers(listen)
    assert not watch.greets(listen)


@pytest.mark.parametrize(("days", "due"), [(61, False), (67, False), (68, True), (91, True)])
def test_a_quarter_of_a_certificate_s_life_is_left(tmp_path: Path, days: int, *, due: bool) -> None:
    """Of 90 days, after 67 and a half: a week after the host's own timer should have renewed it."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(tmp_path / "leaf.key"))
    command = ["openssl", "req", "-new", "-x509", *key, "-subj", "/CN=x", "-days", "90"]
    subprocess.run([*command, "-out", str(tmp_path / "leaf.pem")], check=True, capture_output=True)
    at = datetime.now(UTC) + timedelta(days=days)

    assert bool(watch.ending(str(tmp_path / "leaf"), at.timestamp())) is due


def test_what_is_no_certificate_is_said(tmp_path: Path) -> None:
    """A damaged one would end nobody's alarm."""
    (tmp_path / "leaf.pem").write_text("none")

    assert "is no certificate" in watch.ending(str(tmp_path / "leaf"), NOW)


def test_the_installed_program_is_whole(tmp_path: Path) -> None:
    """Alarm and watch in one file run by themselves: it fails at the settings that are not there, and not before."""
    program = tmp_path / "recorder"
    program.write_text(apply.watch_script())
    done = subprocess.run(["python3", "-I", "-S", str(program), "watch"], capture_output=True, text=True, check=False)

    assert "FileNotFoundError" in done.stderr
    assert "/etc/haechi/recorder/watch.json" in done.stderr


@pytest.mark.parametrize(
    "asked", ["../../etc/shadow", "app1/ann/00/00/01/..", "-l", "app1/ann/00/00/01 -s 9", "", "LIST"]
)
def test_replay_takes_numbers_of_recordings_alone(asked: str) -> None:
    """Whatever is typed, no other path and no option reaches sudoreplay."""
    assert replay.command(asked, terminal=False) is None


def test_replay_shows_a_list_and_one_recording() -> None:
    """At once where nobody sits at a terminal."""
    assert replay.command("list", terminal=True) == ["/usr/bin/sudoreplay", "-d", "/var/log/sudo-io", "-l"]
    assert replay.command("app1/ann/00/00/0A", terminal=False) == [
        *("/usr/bin/sudoreplay", "-n", "-m", "0", "-d", "/var/log/sudo-io", "app1/ann/00/00/0A")
    ]
