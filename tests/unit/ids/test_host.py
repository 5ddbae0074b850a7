"""The gateway's parts that need no kernel: fixtures and what is made of them, and what a watch says of two looks."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.ids import apply, canary, own, pcap, trial, units, watch

from haechi.desired import queues

GOOD = watch.Seen(7, 0)


def test_the_same_fixtures_are_the_same_bytes() -> None:
    """A file of packets that can be read: its magic number, and a conversation's eight packets."""
    talk = own.Talk(ask=b"asked", answer=b"answered")
    one = pcap.written([talk])

    assert one == pcap.written([talk])
    assert struct.unpack("<I", one[:4]) == (0xA1B2C3D4,)
    assert len(one) == 24 + 8 * (16 + 40) + len(b"askedanswered")


def test_each_rule_of_ours_has_a_number_of_its_own_among_ours() -> None:
    """Other sources may not take them (haechi.ids.sources)."""
    numbers = [one.sid for one in own.OWN]

    assert len({*numbers}) == len(numbers)
    assert all(1078000 <= number <= 1078099 for number in numbers)


def events(**changes: Any) -> list[dict[str, Any]]:
    """Return the events of a run in which every rule finds its own, but for ``changes`` to the one numbered 1."""
    rows = []
    for number, one in enumerate(own.OWN):
        alert = {"signature_id": one.sid, "action": "blocked" if one.action == "drop" else "allowed"}
        alert |= changes if number == 1 else {}
        rows.append({"event_type": "alert", "src_port": 8080, "dest_port": pcap.port_of(2 * number), "alert": alert})
    return rows


def test_a_run_that_finds_all_and_nothing_more_is_right() -> None:
    """Flows and statistics among the events are none of them."""
    assert [*trial.complaints([*events(), {"event_type": "stats"}])] == []


def test_what_is_not_found_or_not_dropped_is_told() -> None:
    """By the rule that it is for."""
    message = own.OWN[1].message

    assert [*trial.complaints(events(signature_id=5))] == [f"rule 1078002 ({message}) does not find what it is for"]
    assert [*trial.complaints(events(action="allowed"))] == [
        f"rule 1078002 ({message}) finds what it is for, and does not drop it"
    ]


def test_harmless_traffic_that_any_rule_takes_for_an_attack_is_told() -> None:
    """A rule of others as well as one of ours."""
    row = {"event_type": "alert", "dest_port": pcap.port_of(3), "alert": {"signature_id": 77, "action": "allowed"}}

    assert [*trial.complaints([*events(), row])] == [
        "harmless traffic beside rule 1078002 is taken for an attack by 77"
    ]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (GOOD, GOOD, ""),
        (watch.NOBODY, watch.NOBODY, "nobody reads its queue"),
        (GOOD, watch.NOBODY, ""),
        (watch.Seen(7, 3), watch.Seen(7, 4), "Suricata does not answer"),
        (watch.Seen(7, 2), watch.Seen(7, 3), ""),
        (watch.Seen(7, 9), watch.Seen(8, 1), ""),
        (GOOD, watch.Seen(7, 0, lost=3), "3 packets were lost since the last look"),
        (watch.Seen(7, 0, waiting=4000), watch.Seen(7, 0, waiting=4096), "4096 packets wait"),
        (GOOD, watch.Seen(7, 0, waiting=4096), ""),
    ],
)
def test_two_looks_decide(before: watch.Seen, now: watch.Seen, told: str) -> None:
    """One that starts, or a burst, is no alarm."""
    said = watch.complaint(before, now)

    assert said.startswith(told)
    assert bool(said) is bool(told)


def test_the_kernel_s_lines_are_read_by_number(tmp_path: Path) -> None:
    """Without the file nobody listens."""
    (tmp_path / "q").write_text("   40   2799     3 2 65531     1     2       99  1\n")

    assert watch.rows(tmp_path / "q")[40][:3] == [40, 2799, 3]
    assert watch.rows(tmp_path / "none") == {}


def test_the_last_canary_is_found_in_the_file_before_too(tmp_path: Path) -> None:
    """A log that was turned over at midnight is empty."""
    line = (
        '{"timestamp":"2026-11-27T04:15:19.862972+0000","event_type":"alert",'
        '"alert":{"action":"allowed","signature_id":1078001}}\n'
    )
    (tmp_path / "open.json").write_text('{"event_type":"stats"}\n{"signature_id":1078001 broken\n')
    (tmp_path / "open.json.1").write_text(line)

    assert canary.last("open", str(tmp_path)) == datetime(2026, 11, 27, 4, 15, 19, 862972, tzinfo=UTC)
    assert canary.last("closed", str(tmp_path)) is None


@pytest.mark.parametrize(
    ("release", "told"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_ID="13"\nID=debian\n', ""),
        (
            'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n',
            "Debian GNU/Linux 12 (bookworm) has no Suricata that this role can run: name a gateway with Debian 13 in",
        ),
        ("", "this host has no Suricata that this role can run: "),
    ],
)
def test_an_older_release_is_refused_in_one_sentence(release: str, told: str) -> None:
    """Its archive has none, or one that reads other rules."""
    said = apply.unfit(release)

    assert said.startswith(told)
    assert bool(said) is bool(told)


def test_controller_and_host_say_the_same_numbers() -> None:
    """They share no code."""
    assert units.NUMBERS == queues.NUMBERS
    assert queues.canary("open") == canary.ADDRESS.format(units.NUMBERS["open"])
