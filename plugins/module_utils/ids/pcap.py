"""Conversations as a file of packets (pcap(5)): the same bytes each time, and no packet ever on a wire."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator

from ansible_collections.haechi.guard.plugins.module_utils.ids.own import Talk

# Documentation's networks (RFC 5737): ours, and not ours.
OURS, OTHER, LOOPBACK = "192.0.2.10", "198.51.100.10", "127.0.77.1"
_RAW = 101  # LINKTYPE_RAW: a packet begins with its IP header
_FIRST_PORT = 40000
_SYN, _ACK, _PSH_ACK, _FIN_ACK, _SYN_ACK = 0x02, 0x10, 0x18, 0x11, 0x12


def port_of(number: int) -> int:
    """Return the client's port of the conversation with this number, which tells the conversations apart."""
    return _FIRST_PORT + number


def written(talks: Iterable[Talk]) -> bytes:
    """Return the file that holds some conversations, one after the other."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _RAW)
    packets = [packet for number, talk in enumerate(talks) for packet in _packets(talk, port_of(number))]
    rows = (struct.pack("<IIII", 1_700_000_000 + at, 0, len(one), len(one)) + one for at, one in enumerate(packets))
    return head + b"".join(rows)


def _packets(talk: Talk, port: int) -> Iterator[bytes]:
    client, server = (OTHER, OURS) if talk.to_us else (OURS, OTHER)
    if talk.proto == "udp":
        datagram = struct.pack("!HHHH", port, talk.port, 8 + len(talk.ask), 0) + talk.ask
        yield _ip(LOOPBACK, LOOPBACK, socket.IPPROTO_UDP, datagram)
        return
    there, back = (client, server, port, talk.port), (server, client, talk.port, port)
    asked, answered = 1 + len(talk.ask), 1 + len(talk.answer)
    yield _tcp(there, 0, 0, _SYN)
    yield _tcp(back, 0, 1, _SYN_ACK)
    yield _tcp(there, 1, 1, _ACK)
    yield _tcp(there, 1, 1, _PSH_ACK, talk.ask)
    yield _tcp(back, 1, asked, _PSH_ACK if talk.answer else _ACK, talk.answer)
    yield _tcp(there, asked, answered, _FIN_ACK)
    yield _tcp(back, answered, asked + 1, _FIN_ACK)
    yield _tcp(there, asked + 1, answered + 1, _ACK)


def _tcp(way: tuple[str, str, int, int], number: int, next_number: int, flags: int, data: bytes = b"") -> bytes:
    # Checksums are left out: whoever reads the file is told not to look (-k none).
    head = struct.pack("!HHIIBBHHH", way[2], way[3], number, next_number, 5 << 4, flags, 64240, 0, 0)
    return _ip(way[0], way[1], socket.IPPROTO_TCP, head + data)


def _ip(source: str, target: str, proto: int, data: bytes) -> bytes:
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), 0, 0, 64, proto, 0) + ends + data
