"""Telling people: each alert once, by every channel, and no channel ever stops another or a revocation."""

from __future__ import annotations

import base64
import email
import hashlib
import hmac
import logging
import os
from email import policy
from pathlib import Path
from threading import Event, Thread

import pytest

from haechi.hr.alerts import channels
from haechi.hr.alerts.watch import Watch
from haechi.hr.ledger import matters, views
from haechi.policy.provisioning import Alerts, Sla
from tests.unit.hr.seeded import Seeded

from .servers import hook, relay

KEY = base64.b64encode(b"k" * 32).decode()
EN = "HR spoke of somebody whom policy does not know (matter 1): see haechi hr status"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "alerts"
    path.write_text(f"whsec_{KEY}\n")
    return path


def watch(seeded: Seeded, alerts: Alerts, secret: Path) -> Watch:
    return Watch(seeded.ledger, Sla(), "base", channels.of(alerts, secret), seeded.folder)


def test_people_are_told_by_webhook_and_mail_once(
    seeded: Seeded, secret: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The webhook's receiver can verify it, the mail can be read, the journal has it; a second look tells nothing."""
    seeded.matter(matters.UNMATCHED, "E-404")
    with hook() as http, relay() as smtp, caplog.at_level(logging.INFO):
        alerts = Alerts(
            webhook=f"http://127.0.0.1:{http.server_port}/alerts",
            mail_to=("ops@example.com", "sec@example.com"),
            mail_from="haechi@example.com",
            smtp=f"127.0.0.1:{smtp.server_address[1]}",
        )
        looking = watch(seeded, alerts, secret)
        looking.once()
        looking.once()
        watch(seeded, alerts, secret).once()

    ((headers, told, body),) = http.posts
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    right = base64.b64encode(hmac.new(b"k" * 32, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{right}"
    assert told["site"] == "base"
    assert told["key"] == "unmatched:1"
    assert told["text"].splitlines()[0] == EN
    assert "정책에 없는 사람" in told["text"].splitlines()[1]
    (mail,) = (email.message_from_string(text, policy=policy.default) for text in smtp.mails)
    assert mail["to"] == "ops@example.com, sec@example.com"
    assert mail["subject"] == f"[haechi base] {EN}"
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL] == [EN]
    assert [row.sent is not None for row in seeded.ledger.read(views.alerts)] == [True]


def test_a_channel_that_fails_stops_no_other_and_is_tried_again(
    seeded: Seeded, secret: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The mail goes out once though the webhook answers 500, and the webhook hears of it when it is well."""
    seeded.matter(matters.UNMATCHED)
    with hook(answer=500) as http, relay() as smtp:
        looking = watch(
            seeded,
            Alerts(
                webhook=f"http://127.0.0.1:{http.server_port}/",
                mail_to=("ops@example.com",),
                mail_from="haechi@example.com",
                smtp=f"127.0.0.1:{smtp.server_address[1]}",
            ),
            secret,
        )
        looking.once()
        looking.once()

        assert len(http.posts) == 1
        assert [row.sent for row in seeded.ledger.read(views.alerts)] == [None]
        assert "alerts by webhook are late" in caplog.text

        http.answer = 200
        looking.waits.clear()
        looking.once()

    assert len(http.posts) == 2
    assert http.posts[0][0]["webhook-id"] == http.posts[1][0]["webhook-id"]
    assert len(smtp.mails) == 1
    assert seeded.ledger.read(views.alerts)[0].sent is not None


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        (Alerts(mail_to=("a@full.example",), mail_from="h@example.com", smtp="127.0.0.1:{relay}"), "full"),
        (Alerts(mail_to=("a@example.com",), mail_from="h@example.com", smtp="127.0.0.1:1"), "Connection refused"),
        (Alerts(webhook="http://127.0.0.1:1/"), "alerts.webhook must answer 2xx"),
    ],
)
def test_a_channel_says_why_it_failed(
    seeded: Seeded, secret: Path, alerts: Alerts, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """And nobody counts as told."""
    seeded.matter(matters.UNMATCHED)
    with relay() as smtp:
        relayed = alerts.model_copy(update={"smtp": alerts.smtp.format(relay=smtp.server_address[1])})
        watch(seeded, relayed, secret).once()

    assert said in caplog.text
    assert seeded.ledger.read(views.alerts)[0].sent is None


def test_a_missing_key_is_named_and_never_shown(
    seeded: Seeded, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What stands in the file is in no log."""
    seeded.matter(matters.UNMATCHED)
    (tmp_path / "broken").write_text("hunter2hunter2hunter2")
    for name in ("none", "broken"):
        watch(seeded, Alerts(webhook="https://127.0.0.1:1/"), tmp_path / name).once()

    assert f"{tmp_path / 'none'}: No such file or directory: put a line there" in caplog.text
    assert f"{tmp_path / 'broken'}: a" in caplog.text
    assert "hunter2" not in caplog.text


def test_an_alert_whose_cause_is_gone_is_over(seeded: Seeded, secret: Path) -> None:
    """It stays on record."""
    matter = seeded.matter(matters.UNMATCHED)
    looking = watch(seeded, Alerts(), secret)
    looking.once()
    seeded.ledger.write(matters.close_matter, matter, ["sora"])
    looking.once()

    assert [(row.key, row.held) for row in seeded.ledger.read(views.alerts)] == [("unmatched:1", False)]


def test_of_two_processes_one_tells(seeded: Seeded, secret: Path) -> None:
    """The worker's and the page's would tell each alert twice; the second takes over when the first has ended."""
    first, second = watch(seeded, Alerts(), secret), watch(seeded, Alerts(), secret)
    first.look()
    seeded.matter(matters.UNMATCHED)
    second.look()

    assert seeded.ledger.read(views.alerts) == ()

    os.close(first._turn)
    second.look()

    assert [row.key for row in seeded.ledger.read(views.alerts)] == ["unmatched:1"]


def test_the_loop_goes_on_where_the_ledger_fails(
    seeded: Seeded, secret: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that is gone is told in the journal, and the next look is made all the same."""
    monkeypatch.setattr("haechi.hr.alerts.watch.EVERY_S", 0.01)
    with seeded.ledger.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alert")
    stopped = Event()
    thread = Thread(target=watch(seeded, Alerts(), secret).run, args=(stopped,))
    thread.start()
    while caplog.text.count("alerts are late") < 2:
        stopped.wait(0.01)
    stopped.set()
    thread.join()

    assert "no such table: alert" in caplog.text
