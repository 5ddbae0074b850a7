"""What a webhook says: acts, people, and when it counts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from haechi.hr import sources
from haechi.hr.signals import Act, RefusedError, Signal, Subject
from haechi.hr.sources import webhook
from haechi.hr.sources.secrets import key_of

from .conftest import HOOK, SEOUL, Desk, later


def test_a_leaving(desk: Desk) -> None:
    assert desk.said(event="leave", user_name="hana", reason="resigned") == Signal(
        act=Act.LEAVE, subject=Subject(hr_id="E1007", user_name="hana"), reason="resigned"
    )


@pytest.mark.parametrize("act", [Act.FREEZE, Act.MOVE, Act.JOIN, Act.NOTE])
def test_other_acts(desk: Desk, act: Act) -> None:
    assert desk.said(event=str(act)).act is act


@pytest.mark.parametrize(
    ("said", "instant"),
    [
        # The last day of work is worked to its end: 24:00 in Seoul is 15:00 in UTC.
        ("2026-12-31", datetime(2026, 12, 31, 15, 0, tzinfo=UTC)),
        ("2026-12-31T18:00", datetime(2026, 12, 31, 9, 0, tzinfo=UTC)),
        ("2026-12-31T18:00+09:00", datetime(2026, 12, 31, 9, 0, tzinfo=UTC)),
        ("2026-12-31T18:00:30-05:00", datetime(2026, 12, 31, 23, 0, 30, tzinfo=UTC)),
        ("2026-12-31 18:00Z", datetime(2026, 12, 31, 18, 0, tzinfo=UTC)),
    ],
)
def test_when_it_counts(desk: Desk, said: str, instant: datetime) -> None:
    assert desk.said(event="leave", effective=said).effective == instant


def test_at_once_is_said_apart(desk: Desk) -> None:
    signal = desk.said(event="leave", effective="2026-12-31", immediate=True)
    assert signal.immediate


def test_the_example_of_standard_webhooks() -> None:
    """Their own test vector, so that their libraries can send."""
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = webhook.sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_two_keys_while_one_replaces_the_other(desk: Desk) -> None:
    body = json.dumps({"event": "leave", "hr_id": "E1007"}).encode()
    message = desk.hook(body)
    other = webhook.sign(b"o" * 32, "msg_1", int(message.received.timestamp()), body)
    headers = {**message.headers, "webhook-signature": f"{other} {message.headers['webhook-signature']}"}
    assert desk.accepted(replace(message, headers=headers), HOOK)[1].signals


def test_only_what_verifies_is_kept_of_the_headers(desk: Desk) -> None:
    kept, _ = desk.accepted(desk.hook(b'{"event": "leave", "hr_id": "E1007"}'), HOOK)
    assert set(kept.headers) == {"webhook-id", "webhook-timestamp", "webhook-signature"}


def test_the_worker_judges_the_time_as_of_the_arrival(desk: Desk) -> None:
    kept, _ = desk.accepted(desk.hook(b'{"event": "leave", "hr_id": "E1007"}'), HOOK)
    assert sources.read(kept, HOOK, desk.secrets, kept.received, SEOUL).signals
    with pytest.raises(RefusedError, match="5 minutes"):
        sources.read(kept, HOOK, desk.secrets, later(minutes=6), SEOUL)
