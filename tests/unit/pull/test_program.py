"""The host's own program: what it consists of, where it runs, and how it hears."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.pki import held
from ansible_collections.haechi.guard.plugins.module_utils.pull import fetch, install, units
from ansible_collections.haechi.guard.plugins.module_utils.pull.document import ListError

CONFIG: dict[str, object] = {"port": 4717}


@contextlib.contextmanager
def server(*parts: bytes, pause: float = 0.0, sent: list[bytes] | None = None) -> Iterator[int]:
    """Send parts to whoever connects, and count for nothing else; return the port. ``sent`` gets what was taken."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for part in parts:
                    time.sleep(pause)
                    connection.sendall(part)
                    if sent is not None:
                        sent.append(part)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listening.getsockname()[1]


def test_the_whole_answer_is_read() -> None:
    """Until the server ends it; nothing is asked."""
    with server(b"a" * 100_000, b"b") as port:
        assert fetch.fetch("127.0.0.1", port, 5, patient=False) == b"a" * 100_000 + b"b"


@pytest.mark.exhaustive
def test_a_server_that_never_ends_is_left() -> None:
    """Sshd waits for this at boot."""
    sent: list[bytes] = []
    never = server(*[b"x"] * 100, pause=0.2, sent=sent)
    with never as port, pytest.raises(ListError, match=r"no whole answer|timed out"):
        fetch.fetch("127.0.0.1", port, 1, patient=True)
    assert len(sent) < 100


def test_a_flood_is_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by what a list may be."""
    monkeypatch.setattr(fetch, "MOST", 10)
    with server(b"x" * 11) as port, pytest.raises(ListError, match="more than 10 bytes"):
        fetch.fetch("127.0.0.1", port, 5, patient=False)


def test_the_program_is_the_same_each_time_and_runs_alone(tmp_path: Path) -> None:
    """With nothing on its path but itself; without a configuration it says so and denies nobody."""
    path = tmp_path / "list.pyz"
    path.write_bytes(install.program())
    assert install.program() == path.read_bytes()
    names = zipfile.ZipFile(path).namelist()
    assert "ansible_collections/haechi/guard/plugins/module_utils/accounts/leave.py" in names

    argv = [sys.executable, "-I", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={})
    assert "No such file or directory: '/etc/haechi/list.json'" in done.stderr


def test_the_list_comes_before_sshd_and_does_not_keep_it_shut() -> None:
    """Ordered before, bounded to 15 s, and required by nobody."""
    wanted = units.wanted(CONFIG, None)
    text = wanted["/etc/systemd/system/haechi-list-boot.service"] or ""

    assert "Before=ssh.service ssh.socket\n" in text
    assert "TimeoutStartSec=15\n" in text
    assert not any(word in text for word in ("RequiredBy=", "BindsTo=", "Requires="))
    assert wanted["/etc/systemd/system/haechi-list-serve.socket"] is None


def test_the_list_is_served_where_policy_says_and_by_nobody_of_rank() -> None:
    """One address, one port, a user without rights, and no request that anything could be wrong with."""
    wanted = units.wanted(CONFIG, "10.1.0.13")

    assert "ListenStream=10.1.0.13:4717\n" in (wanted["/etc/systemd/system/haechi-list-serve.socket"] or "")
    answer = wanted["/etc/systemd/system/haechi-list-serve@.service"] or ""
    for line in ("User=nobody", "ExecStart=/usr/bin/cat", "StandardInput=file:/var/lib/haechi/list/list.json"):
        assert f"{line}\n" in answer
    assert "CapabilityBoundingSet=\n" in answer


@pytest.mark.parametrize(
    ("text", "than", "newer"),
    [
        ('{"sequence": 8}', '{"sequence": 7}', True),
        ('{"sequence": 7}', '{"sequence": 7}', False),
        ('{"sequence": 7, "x": 1}', '{"sequence": 7}', True),
        ('{"sequence": 6}', '{"sequence": 7}', False),
        ('{"sequence": 6}', "cut off", True),
    ],
)
def test_the_control_node_never_puts_an_older_one(text: str, than: str, newer: bool) -> None:  # noqa: FBT001
    """Its state may be from a backup."""
    assert held.newer(text, than) is newer


def test_an_alarm_stands_until_it_is_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file, one line in the log for each new reason."""
    said: list[str] = []
    monkeypatch.setattr(alarm, "ALARMS", tmp_path)
    monkeypatch.setattr(alarm.syslog, "syslog", lambda _, text: said.append(text))
    for what in ("server away", "server away", "cut short"):
        alarm.raise_alarm("list", what)

    assert said == ["list: server away", "list: cut short"]
    assert '"what": "cut short"' in (tmp_path / "list.json").read_text()
    alarm.clear("list")
    alarm.clear("list")
    assert list(tmp_path.iterdir()) == []
