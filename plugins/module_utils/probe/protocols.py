"""How one attempt is begun over TCP, UDP or ICMP, and what its socket tells when it is ready."""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

OPEN, REFUSED, TIMEOUT, UNREACHABLE, BLOCKED = "open", "refused", "timeout", "unreachable", "blocked"
# A datagram that nft drops on its way out comes back to its sender as EPERM (Linux, nf_hook_slow); a SYN is silent.
_CODES = {0: OPEN, errno.ECONNREFUSED: REFUSED, errno.ETIMEDOUT: TIMEOUT, errno.EPERM: BLOCKED}
# Of a name server its status (RFC 1035, 4.1.1): to an opcode that it lacks it says so (RFC 8906, 3.1.3), and it asks no
# other server on, as it would for a name. Of a time server the time (RFC 5905, 7.3).
_DNS = struct.pack("!6H", 0x4841, 0x1000, 1, 0, 0, 0) + b"\x09localhost\0" + struct.pack("!2H", 1, 1)
_NTP = b"\x23" + bytes(47)
QUESTIONS = {53: _DNS, 123: _NTP}
ECHO_REQUEST, ECHO_REPLY = 8, 0


@dataclass(frozen=True)
class Answer:
    """What came of an attempt, and why in the system's words; ``why`` is empty where something answered."""

    result: str
    why: str = ""


class NoAttemptError(Exception):
    """Nothing was sent; the answer is there already."""

    def __init__(self, answer: Answer) -> None:
        """Keep it."""
        super().__init__(answer.why)
        self.answer = answer


def told(code: int) -> Answer:
    """Return what an error number of the system says about the way."""
    return Answer(_CODES.get(code, UNREACHABLE), os.strerror(code) if code else "")


def begin(row: Mapping[str, object]) -> tuple[socket.socket, int]:
    """Return the socket of an attempt under way, and the event of poll(2) on which it may be decided.

    Raises ``NoAttemptError`` for what is decided at once.
    """
    address, port, proto = str(row["address"]), int(str(row.get("port", 0))), row.get("proto", "tcp")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        # Takes no name: a resolver that does not answer would outlast every other attempt.
        socket.inet_pton(family, address)
        return _BEGIN[str(proto)](family, address, port)
    except OSError as error:
        raise NoAttemptError(Answer(_CODES.get(error.errno or -1, UNREACHABLE), str(error))) from error


def _tcp(family: socket.AddressFamily, address: str, port: int) -> tuple[socket.socket, int]:
    link = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    code = link.connect_ex((address, port))
    if code not in {errno.EINPROGRESS, errno.EAGAIN}:
        link.close()
        raise NoAttemptError(told(code))
    return link, select.POLLOUT


def _udp(family: socket.AddressFamily, address: str, port: int) -> tuple[socket.socket, int]:
    return _sent(
        socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK), address, port, QUESTIONS.get(port, b"")
    )


def _icmp(family: socket.AddressFamily, address: str, _: int) -> tuple[socket.socket, int]:
    link = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP)
    return _sent(link, address, 0, echo_request(link.fileno()))


def _sent(link: socket.socket, address: str, port: int, data: bytes) -> tuple[socket.socket, int]:
    try:
        # Connected, it hears from nobody else, and ICMP errors reach it (udp(7), raw(7)).
        link.connect((address, port))
        link.send(data)
    except OSError:
        link.close()
        raise
    return link, select.POLLIN


_BEGIN = {"tcp": _tcp, "udp": _udp, "icmp": _icmp}


def heard(link: socket.socket) -> Answer | None:
    """Return what a ready socket tells; None for a packet that is somebody else's answer."""
    # Writable means decided; how, the socket's error tells (connect(2), EINPROGRESS).
    code = link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code or link.type == socket.SOCK_STREAM:
        return told(code)
    try:
        data = link.recv(2048)
    except OSError as error:
        return told(error.errno or errno.EIO)
    if link.type == socket.SOCK_RAW and not is_reply(data, link.fileno()):
        return None
    return Answer(OPEN)


def echo_request(number: int) -> bytes:
    """Return an ICMP echo request of this process (RFC 792) with a sequence number."""
    head = struct.pack("!2BH2H", ECHO_REQUEST, 0, 0, os.getpid() & 0xFFFF, number & 0xFFFF)
    total = sum(struct.unpack("!4H", head))
    total = (total >> 16) + (total & 0xFFFF)
    return head[:2] + struct.pack("!H", ~total & 0xFFFF) + head[4:]


def is_reply(packet: bytes, number: int) -> bool:
    """Return whether an IPv4 packet, header and all as raw(7) gives it, answers the echo request of that number."""
    head = (packet[0] & 0x0F) * 4 if packet else 0
    wanted = (ECHO_REPLY, os.getpid() & 0xFFFF, number & 0xFFFF)
    if len(packet) < head + 8:
        return False
    kind, _, _, mine, sequence = struct.unpack_from("!2BH2H", packet, head)
    return (kind, mine, sequence) == wanted
