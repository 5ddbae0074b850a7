"""Envelopes come from the receiver as it kept them, in parts where they are large, and only in their own shape."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from haechi.hr.envelope import Envelope
from haechi.hr.work import pull
from haechi.hr.work.ports import InboxError
from haechi.policy.provisioning import SourceKind
from haechi.sent import Answer

ROSTER = b"issued,2026-11-26\n" + bytes(range(256)) * 16_384  # 4 MiB: more than an answer holds


def message(number: int, body: bytes = b"{}") -> Envelope:
    return Envelope(
        id=f"{number:064}",
        source="hr",
        kind=SourceKind.SCIM,
        received=datetime(2026, 11, 26, 9, 0, number, 125, tzinfo=UTC),
        body=body,
        headers={"authorization": "ab" * 32},
        method="PATCH",
        path="/Users/7",
        context={"after": {"userName": "하나"}},
    )


def by_program(request: Mapping[str, Any]) -> Answer:
    """Run the very program that a host would, as `haechi.sent` does."""
    command = [sys.executable, "-I", "-S", "-c", pull.PROGRAM.read_text()]
    line = json.dumps({**request, "nonce": "7"})
    done = subprocess.run(command, input=line, capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    assert document.pop("nonce") == "7"
    assert len(done.stdout) < 2 * 1024 * 1024, "asyncssh cuts longer lines"
    return Answer(fault=str(document["failed"])) if "failed" in document else Answer(document=document)


@pytest.fixture
def receiver(tmp_path: Path) -> pull.AtHand:
    return pull.at_hand(tmp_path / "inbox.sqlite")


def over_ssh(receiver: pull.AtHand) -> pull.OverSsh:
    return pull.OverSsh("front1", str(receiver.inbox.engine.url.database), by_program)


def test_what_the_receiver_kept_comes_as_it_is(receiver: pull.AtHand) -> None:
    """Every column, in order, from where the reader stands; and it is gone once the ledger has it."""
    for number in (1, 2, 3):
        receiver.inbox.append(message(number))
    remote = over_ssh(receiver)

    assert [(row.number, row.envelope) for row in remote.after(1, 10)] == [(2, message(2)), (3, message(3))]
    assert [row.number for row in remote.after(0, 2)] == [1, 2]
    assert (remote.forget(2), [row.number for row in receiver.after(0, 10)]) == (2, [3])


def test_a_large_message_comes_in_parts(receiver: pull.AtHand) -> None:
    """And holds up none that came before it."""
    receiver.inbox.append(message(1))
    receiver.inbox.append(message(2, ROSTER))
    remote = over_ssh(receiver)

    assert [row.number for row in remote.after(0, 10)] == [1]
    [row] = remote.after(1, 10)
    assert (row.number, row.envelope.body == ROSTER) == (2, True)


@pytest.mark.parametrize("gone", ["no file", "a link"])
def test_a_receiver_without_an_inbox_is_said_to_be(tmp_path: Path, gone: str) -> None:
    """Also where somebody on the receiver laid a link to what is not theirs."""
    path = tmp_path / "inbox.sqlite"
    if gone == "a link":
        path.symlink_to("/etc/hostname")
    with pytest.raises(InboxError, match=r"^the inbox front1:.*inbox\.sqlite cannot be read"):
        pull.OverSsh("front1", str(path), by_program).after(0, 10)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_what_a_stranger_wrote_is_not_read_as_root(receiver: pull.AtHand, tmp_path: Path) -> None:
    """The program becomes the file's owner, who cannot enter this folder."""
    receiver.inbox.append(message(1))
    os.chown(tmp_path / "inbox.sqlite", 65_534, 65_534)

    with pytest.raises(InboxError, match="unable to open database file"):
        over_ssh(receiver).after(0, 10)


ROW = {
    "number": 1,
    "size": 2,
    "body": "e30=",
    "id": "a",
    "source": "hr",
    "kind": "scim",
    "received": "2026-11-26 09:00:00.000000",
    "method": "POST",
    "path": "/",
    "headers": {},
    "context": {},
}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"rows": {}},
        {"rows": [ROW, ROW]},
        {"rows": [ROW | {"number": 0}]},
        {"rows": [ROW | {"number": index} for index in range(1, 12)]},
        {"rows": [ROW | {"kind": "mail"}]},
        {"rows": [ROW | {"more": 1}]},
        {"rows": [ROW | {"received": "today"}]},
        {"rows": [ROW | {"body": "!"}]},
        {"rows": [ROW | {"size": 1}]},
        {"rows": [ROW | {"size": 2**40}]},
        {"rows": [ROW | {"size": 9}], "body": ""},
        {"rows": [ROW | {"size": 3}], "body": "e30="},
        {"rows": ["row"]},
    ],
)
def test_a_receiver_that_was_taken_over_gives_nothing_else(document: Mapping[str, Any]) -> None:
    """Whatever is not an answer is no message, and is said aloud."""
    remote = pull.OverSsh("front1", "/inbox", lambda _request: Answer(document=json.loads(json.dumps(document))))

    with pytest.raises(InboxError, match=r"^front1 answered "):
        remote.after(0, 10)


def test_a_database_that_is_away_is_said_to_be(tmp_path: Path) -> None:
    """The worker tries again; the words name the place and no password."""
    with pytest.raises(InboxError, match=r"^the inbox sqlite:///.*none/inbox\.sqlite cannot be read"):
        pull.at_hand(tmp_path / "none/inbox.sqlite")
    found = pull.at_hand(tmp_path / "inbox.sqlite")
    found.inbox.engine.dispose()
    (tmp_path / "inbox.sqlite").write_text("no database at all, but long enough to look like one" * 100)
    with pytest.raises(InboxError, match="cannot be read"):
        found.after(0, 10)
    with pytest.raises(InboxError, match="cannot be read"):
        found.forget(1)
