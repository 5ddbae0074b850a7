"""The receiver as it runs: a process of its own, TLS 1.3, killed at the worst moment."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from haechi.hr.sources.jwks import fetched
from tests.tls import certified, free_port

from .conftest import Site, built

LEAVE = b'{"event": "leave", "hr_id": "E1007"}'
STARTED_WITHIN_S = 60
# A process with all its libraries takes seconds to start.
pytestmark = pytest.mark.exhaustive


class Live:
    """A receiver's process."""

    def __init__(self, site: Site) -> None:
        """Start it, and wait until it tells systemd that it is ready."""
        self.site, self.port = site, site.config.port
        path = site.folder / "receive.json"
        path.write_text(site.config.model_dump_json())
        notify = str(site.folder / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, (site.folder / "log").open("wb") as log:
            systemd.bind(notify)
            systemd.settimeout(STARTED_WITHIN_S)
            self.process = subprocess.Popen(
                [sys.executable, "-m", "haechi.hr.receive", "--config", path],
                env={**os.environ, "NOTIFY_SOCKET": notify},
                stderr=log,
            )
            self.ready = systemd.recv(100)

    def trust(self) -> ssl.SSLContext:
        """Return what trusts its certificate alone."""
        return ssl.create_default_context(cafile=str(self.site.folder / "cert.pem"))

    def dialled(self, trust: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        """Return a connection."""
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return (trust or self.trust()).wrap_socket(raw, server_hostname="127.0.0.1")

    def post(self, name: str) -> httpx.Response:
        """Send a webhook."""
        url = f"https://127.0.0.1:{self.port}/hook/hr"
        return httpx.post(url, content=LEAVE, headers=self.site.hook(LEAVE, name), verify=self.trust(), timeout=20)

    def peak(self) -> int:
        """Return the most memory that it ever had, in KiB (proc_pid_status(5), VmHWM)."""
        (line,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(line)

    def log(self, until: str = "") -> str:
        """Return what it logged, once that is in it: an answer may be here before its line is."""
        end = time.monotonic() + STARTED_WITHIN_S
        while until not in (said := (self.site.folder / "log").read_text()) and time.monotonic() < end:
            time.sleep(0.02)
        return said


@pytest.fixture
def live(request: pytest.FixtureRequest, tmp_path: Path, keys: Path) -> Iterator[Live]:
    """Return a receiver that waits a second for a sender, but for the limits that the test gives."""
    site = built(tmp_path, keys, port=free_port(), limits={"seconds": 1, **getattr(request, "param", {})})
    certified(tmp_path, "first")
    made = Live(site)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()


def rows(site: Site) -> list[str]:
    with sqlite3.connect(site.folder / "inbox.sqlite") as database:
        return [json.loads(headers)["webhook-id"] for (headers,) in database.execute("SELECT headers FROM inbox")]


def trickle(link: ssl.SSLSocket) -> None:
    """Send a byte every half second, for ten."""
    for _ in range(20):
        time.sleep(0.5)
        link.send(b"x")


def test_it_speaks_tls_13_and_nothing_older_and_names_no_program(live: Live) -> None:
    assert live.ready == b"READY=1"
    with live.dialled() as link:
        assert link.version() == "TLSv1.3"
    old = live.trust()
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        live.dialled(old)
    answer = live.post("msg_1")
    assert (answer.status_code, answer.headers.get("server")) == (202, None)
    said = live.log(until="POST /hook/hr 202")
    assert "POST /hook/hr 202" in said
    assert live.site.hook_key not in said


def test_what_was_answered_is_there_after_a_kill(live: Live) -> None:
    for number in range(5):
        assert live.post(f"msg_{number}").status_code == 202
    live.process.kill()
    live.process.wait()
    assert rows(live.site) == [f"msg_{number}" for number in range(5)]


def test_a_slow_sender_is_shown_the_door(live: Live) -> None:
    head = b"POST /hook/hr HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n"
    with live.dialled() as body, live.dialled() as begun, live.dialled() as silent:
        body.sendall(head + b"\r\n{")
        begun.sendall(head)
        assert body.recv(1000).startswith(b"HTTP/1.1 408 ")
        with pytest.raises((ConnectionError, ssl.SSLError)):
            trickle(begun)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            assert silent.recv(1000) == b""
    assert live.post("msg_1").status_code == 202


@pytest.mark.parametrize("live", [{"seconds": 60}], indirect=True)
def test_many_at_once_each_twice_are_all_kept_once(live: Live) -> None:
    names = [f"msg_{number}" for number in range(300)]
    url = f"https://127.0.0.1:{live.port}/hook/hr"
    with httpx.Client(verify=live.trust(), timeout=60) as client, ThreadPoolExecutor(16) as pool:
        sent = pool.map(lambda name: client.post(url, content=LEAVE, headers=live.site.hook(LEAVE, name)), names * 2)
        assert {answer.status_code for answer in sent} == {202}
    assert sorted(rows(live.site)) == sorted(names)


@pytest.mark.parametrize("live", [{"seconds": 60}], indirect=True)
def test_a_body_without_end_takes_no_memory(live: Live) -> None:
    assert live.post("msg_1").status_code == 202
    before, chunk = live.peak(), b"10000\r\n" + b" " * 65536 + b"\r\n"
    for path in ("/hook/hr", "/roster/payroll"):
        with live.dialled() as link:
            link.sendall(f"POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".encode())
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                for _ in range(1024):
                    link.sendall(chunk)
            assert link.recv(1000).startswith(b"HTTP/1.1 413 ")
    assert live.peak() - before < 32 * 1024
    assert rows(live.site) == ["msg_1"]


@pytest.mark.parametrize("live", [{"seconds": 60, "connections": 3}], indirect=True)
def test_whoever_comes_when_it_is_full_is_told_when_to_come_again(live: Live) -> None:
    with live.dialled() as idle, live.dialled():
        full = live.post("msg_1")
        assert (full.status_code, full.headers["retry-after"]) == (503, "30")
        idle.close()
        ends = time.monotonic() + 10
        while live.post("msg_2").status_code != 202:
            assert time.monotonic() < ends
    assert rows(live.site) == ["msg_2"]


def test_a_renewed_certificate_is_served_without_a_break(live: Live) -> None:
    before, old = live.dialled(), live.trust()
    certified(live.site.folder, "second")
    live.process.send_signal(signal.SIGHUP)
    ends = time.monotonic() + 10
    while "certificate read anew" not in live.log():
        assert time.monotonic() < ends, live.log()
        time.sleep(0.05)
    with live.dialled() as link:
        assert (("commonName", "second"),) in link.getpeercert()["subject"]  # type: ignore[index, operator]
    with pytest.raises(ssl.SSLCertVerificationError):
        live.dialled(old)
    before.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
    assert before.recv(100).startswith(b"HTTP/1.1 200 ")
    before.close()
    (live.site.folder / "key.pem").write_text("no key")
    live.process.send_signal(signal.SIGHUP)
    while "the old one stays" not in live.log():
        assert time.monotonic() < ends, live.log()
        time.sleep(0.05)
    assert live.post("msg_1").status_code == 202


def test_keys_are_fetched_with_this_machine_s_trust(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"https://127.0.0.1:{live.port}"
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        fetched(f"{url}/health")
    monkeypatch.setenv("SSL_CERT_FILE", str(live.site.folder / "cert.pem"))
    assert fetched(f"{url}/health") == b'{"status":"up"}'
    with pytest.raises(httpx.HTTPStatusError):
        fetched(f"{url}/keys")


def test_it_ends_when_it_is_told_and_finishes_what_it_began(live: Live) -> None:
    body = b'{"event": "leave", "hr_id": "E1007"}'
    signed = live.site.hook(body)
    head = "".join(f"{name}: {value}\r\n" for name, value in {**signed, "content-length": str(len(body))}.items())
    with live.dialled() as link:
        link.sendall(f"POST /hook/hr HTTP/1.1\r\nhost: x\r\n{head}\r\n".encode() + body[:5])
        time.sleep(0.3)
        live.process.terminate()
        time.sleep(0.3)
        link.sendall(body[5:])
        assert link.recv(1000).startswith(b"HTTP/1.1 202 ")
    live.process.wait(20)
    assert rows(live.site) == ["msg_1"]


def test_a_configuration_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "receive.json"
    path.write_text('{"port": 8443, "key": "s3cret"}')
    done = subprocess.run(
        [sys.executable, "-m", "haechi.hr.receive", "--config", path], check=False, capture_output=True, text=True
    )
    assert done.returncode == 3
    assert done.stderr.startswith("haechi-receive: cannot begin: ")
    assert "address: Field required" in done.stderr
    assert "s3cret" not in done.stderr
