"""The service's parts as they are put together for a site."""

from __future__ import annotations

import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from haechi.hr.console import ConsoleError, serve
from haechi.hr.ledger import views
from haechi.hr.status import serve as page
from haechi.hr.work.poll import Poll
from haechi.hr.work.pull import AtHand, OverSsh
from haechi.hr.work.rosters import RosterFolder

from .conftest import HR, Site

POLL = {
    "name": "signals",
    "kind": "set",
    "issuer": "https://idp.example.com",
    "audience": "lab",
    "keys": "signals.jwks",
    "poll": "https://idp.example.com/poll",
}


def test_messages_are_taken_from_every_place_of_policy(site: Site) -> None:
    """The machine's own inbox, the receiver in front, a transmitter, a folder."""
    site.set("hr", hr={**HR, "sources": [*HR["sources"], POLL]})
    kinds = [type(inbox) for inbox in serve.inboxes(site.place())]
    site.set("hr", hr={**HR, "receiver": "edge1"})

    assert kinds == [AtHand, RosterFolder, Poll]
    assert [type(inbox) for inbox in serve.inboxes(site.place())] == [AtHand, OverSsh, RosterFolder]


def test_a_receiver_here_knows_what_policy_says_and_no_more(site: Site) -> None:
    """Sources and the signers of rosters; no host, and nobody else's key."""
    where = page.Where(port=8443, certificate=Path("c.pem"), key=Path("k.pem"))
    made = serve.receiver(site.place(), where)

    assert [source.name for source in made.sources] == ["idp", "payroll", "monthly"]
    assert made.signers == {"jisoo": (site.public("jisoo"),)}
    assert "minho" not in made.model_dump_json()
    assert "10.77" not in made.model_dump_json()
    with pytest.raises(ConsoleError, match="give --cert and --key"):
        serve.receiver(site.place(), page.Where())


def test_the_rounds_of_the_worker_end_nothing(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A list of leavers that cannot be read is told in the journal, and looked for again."""
    place = site.place()
    rounds = serve.Rounds(place, serve.watch_of(place))
    rounds.look()
    (site.state / "tombstones.high").write_text("7\n")
    again = serve.Rounds(place, serve.watch_of(place))
    again.look()
    again.look()

    assert caplog.text.count("who has access and is not in HR's list") == 2
    assert place.ledger.read(views.alerts) == ()


@pytest.mark.parametrize(("unit", "line"), [("", "late\n"), ("8:1", "<3>late\n")])
def test_a_unit_s_lines_carry_their_priority(
    unit: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """sd-daemon(3); a person at a terminal sees the words alone, and nothing of each connection to an inbox."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setenv("JOURNAL_STREAM", unit)
    serve.to_journal()
    logging.getLogger("asyncssh").info("Connection closed")
    logging.getLogger("haechi.hr").error("late")

    assert capsys.readouterr().err == line


def test_policy_is_read_anew_while_the_page_stands(site: Site) -> None:
    """Whoever was taken out of policy looks no more; a typo changes nothing until it is mended."""
    now = [0.0]
    looked = page.PolicySite(site.inventory, site.state, lambda: now[0])
    before = looked().may
    text = (site.policy / "identities.yml").read_text()
    (site.policy / "identities.yml").write_text(
        text.replace("{id: yeon,", "{id: yeon, state: disabled, since: 2026-01-01,")
    )
    at_once = looked().may
    now[0] = 31
    later = looked().may
    (site.policy / "identities.yml").write_text("identities: 5\n")
    now[0] = 62

    assert before == {"jisoo", "hana", "minho", "sora", "yeon"}
    assert at_once == before
    assert later == before - {"yeon"}
    assert looked().may == later


def test_nobody_looks_where_nobody_knows_who_left(site: Site) -> None:
    """A list of leavers that was lost might name whoever asks."""
    site.state.mkdir(parents=True, exist_ok=True)
    (site.state / "tombstones.high").write_text("7\n")

    assert page.PolicySite(site.inventory, site.state)().may == frozenset()


@pytest.mark.exhaustive  # a process of its own, and two more: what the parts do is shown above
def test_the_page_is_served_over_tls_until_it_is_told_to_end(site: Site, tmp_path: Path) -> None:
    """TLS 1.3 and nothing older; a link from another process opens it; SIGTERM ends it once all is answered."""
    files = ["-keyout", str(tmp_path / "k.pem"), "-out", str(tmp_path / "c.pem")]
    made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=page -addext"
    command = ["openssl", *made.split(), "subjectAltName=IP:127.0.0.1", *files]
    subprocess.run(command, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["-i", str(site.inventory), "--listen", f"127.0.0.1:{port}"]
    options += ["--cert", str(tmp_path / "c.pem"), "--key", str(tmp_path / "k.pem")]
    haechi = [sys.executable, "-m", "haechi", "hr", "page", *options]
    process = subprocess.Popen(haechi, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        new, old = (ssl.create_default_context(cafile=tmp_path / "c.pem") for _ in range(2))
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with httpx.Client(verify=new, base_url=f"https://127.0.0.1:{port}", follow_redirects=True) as browser:
            refused = _listening(browser)
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"https://127.0.0.1:{port}/", verify=old)
            told = subprocess.run([*haechi, "--link", "--for", "jisoo"], capture_output=True, text=True, check=True)
            opened = browser.get(told.stdout.strip())

        assert refused.status_code == 401
        assert opened.status_code == 200
        assert "지금 차단 중인 사람이 없습니다" in opened.text
    finally:
        process.send_signal(signal.SIGTERM)
        log = process.communicate(timeout=60)[1]
    # Uvicorn shuts down and then dies by the signal, which systemd takes for a clean end (systemd.service(5)).
    assert process.returncode == -signal.SIGTERM, log
    assert "Application shutdown complete." in log
    assert "/in/" not in log


def _listening(browser: httpx.Client) -> httpx.Response:
    """Return the first answer of a server, once it listens."""
    ends = time.monotonic() + 60
    while True:
        try:
            return browser.get("/")
        except httpx.ConnectError:
            assert time.monotonic() < ends
            time.sleep(0.1)
