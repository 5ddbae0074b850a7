"""Attempts tell what answered from what refused and what stayed silent, many at once and never more than bounded."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.probe import attempts, protocols, tries
from ansible_collections.haechi.guard.plugins.module_utils.probe.attempts import Attempts

HERE = "127.0.0.1"


@contextlib.contextmanager
def answering(data: bytes) -> Iterator[int]:
    """Serve one UDP port that answers the first question, whatever it is; yield the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((HERE, 0))

        def answer() -> None:
            _, asker = server.recvfrom(512)
            server.sendto(data, asker)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_tcp_tells_open_from_refused_and_keeps_what_was_asked() -> None:
    """A row comes back whole; a name instead of a number is tried by nobody."""
    with socket.create_server((HERE, 0)) as server, socket.create_server((HERE, 0)) as other:
        port, closed = server.getsockname()[1], other.getsockname()[1]
        other.close()
        rows = [
            {"what": "web", "address": HERE, "port": port, "expected": "open"},
            {"what": "none", "address": HERE, "port": closed},
            {"what": "name", "address": "localhost", "port": port},
        ]

        results = Attempts(rows).make()

    assert [{**row, "ms": 0} for row in results[:2]] == [
        {**rows[0], "result": "open", "why": "", "source": HERE, "ms": 0},
        {**rows[1], "result": "refused", "why": "Connection refused", "source": HERE, "ms": 0},
    ]
    assert (results[2]["result"], results[2]["source"]) == ("unreachable", "")


def test_nothing_is_sent_over_what_opens() -> None:
    """A server of ours hears the end of the connection and nothing before it."""
    with socket.create_server((HERE, 0)) as server:
        Attempts([{"address": HERE, "port": server.getsockname()[1]}]).make()
        link, _ = server.accept()

        with link:
            assert link.recv(10) == b""


def test_over_udp_an_answer_proves_open_and_silence_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed port is refused by ICMP; of one that swallows what comes nobody knows more than that."""
    monkeypatch.setattr(attempts, "PATIENCE", 0.05)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone,
    ):
        mute.bind((HERE, 0))
        gone.bind((HERE, 0))
        closed = gone.getsockname()[1]
        gone.close()
        with answering(b"here") as port:
            ports = (port, closed, mute.getsockname()[1])
            results = Attempts({"address": HERE, "proto": "udp", "port": one} for one in ports).make()

    assert [row["result"] for row in results] == ["open", "refused", "timeout"]


@pytest.mark.skipif(os.geteuid() != 0, reason="a raw socket needs root")
def test_a_ping_is_answered() -> None:
    """And it comes from the address that the way there has."""
    (row,) = Attempts([{"address": HERE, "proto": "icmp", "port": 0}]).make()

    assert (row["result"], row["source"]) == ("open", HERE)


def test_a_silent_address_is_waited_for_once_however_many_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full backlog answers nobody, which is what a dropped packet looks like."""
    monkeypatch.setattr(attempts, "PATIENCE", 0.05)
    with socket.create_server((HERE, 0), backlog=0) as server, contextlib.ExitStack() as stack:
        address = server.getsockname()
        stack.enter_context(socket.create_connection(address))
        rows = Attempts([{"address": address[0], "port": address[1]}] * 8).make()

    assert {row["result"] for row in rows} <= {"timeout", "open"}
    assert "timeout" in {row["result"] for row in rows}


def test_never_more_are_open_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait for their turn, and each gets it."""
    monkeypatch.setattr(attempts, "AT_ONCE", 3)
    most, begin = [0], protocols.begin
    running = Attempts([{"address": HERE, "port": 1}] * 10)

    def counted(row: dict[str, object]) -> tuple[socket.socket, int]:
        most.append(len(running._open) + 1)
        return begin(row)

    monkeypatch.setattr(protocols, "begin", counted)
    rows = running.make()

    assert [row["result"] for row in rows] == ["refused"] * 10
    assert max(most) <= 3


def test_what_there_was_no_time_for_is_untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not told as shut."""
    monkeypatch.setattr(attempts, "DEADLINE", 0.0)

    (row,) = Attempts([{"address": HERE, "port": 1}]).make()

    assert (row["result"], row["source"]) == ("untried", "")


def test_tries_travel_short() -> None:
    """As ``haechi.perimeter.matrix`` reads them."""
    with socket.create_server((HERE, 0)) as server:
        port = server.getsockname()[1]
        ((*told, ms),) = tries.make([(HERE, "tcp", port, True)])

    assert told == [HERE, "tcp", port, HERE, "open"]
    assert isinstance(ms, int)


def packet(kind: int, identifier: int, sequence: int) -> bytes:
    return bytes([0x45, *bytes(19)]) + struct.pack("!2BH2H", kind, 0, 0, identifier, sequence)


@pytest.mark.parametrize(
    ("data", "answers"),
    [
        (packet(0, os.getpid() & 0xFFFF, 7), True),
        (packet(8, os.getpid() & 0xFFFF, 7), False),  # our own question, on the loopback
        (packet(0, (os.getpid() + 1) & 0xFFFF, 7), False),  # somebody else's ping
        (packet(0, os.getpid() & 0xFFFF, 8), False),  # another of ours
        (packet(3, os.getpid() & 0xFFFF, 7), False),  # a port that is unreachable
        (packet(0, os.getpid() & 0xFFFF, 7)[:-1], False),
        (b"", False),
    ],
    ids=["answer", "question", "somebody else's", "another", "unreachable", "cut", "empty"],
)
def test_only_the_answer_to_this_very_ping_counts(data: bytes, answers: bool) -> None:  # noqa: FBT001
    """A raw socket hears everything that comes from the address (raw(7))."""
    assert protocols.is_reply(data, 7) is answers


def test_the_checksum_of_a_ping_is_right() -> None:
    """The ones' complement sum of all its words is all ones (RFC 1071)."""
    total = sum(struct.unpack("!4H", protocols.echo_request(0x1234)))

    assert (total >> 16) + (total & 0xFFFF) == 0xFFFF


@pytest.mark.parametrize(("code", "result"), [(1, "blocked"), (111, "refused"), (110, "timeout"), (113, "unreachable")])
def test_an_error_says_who_refused(code: int, result: str) -> None:
    """EPERM is this host's own wall, ECONNREFUSED the far end."""
    assert protocols.told(code).result == result
