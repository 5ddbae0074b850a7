"""The peer that policy names beside the machine: a clock and a few ports, on the control node's end of the wire."""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator

ADDRESS, PREFIX = "10.79.40.2", 24
DECLARED, UNDECLARED = 8443, 8444
NTP_PORT = 123
# NTP counts from 1900, Unix from 1970 (RFC 5905).
EPOCH = 2208988800
VERSION_4_SERVER = 0b00_100_100
STRATUM, POLL, PRECISION = 2, 6, -20
TINY_DELAY = 1 << 8


def answer(asked: bytes, now: float) -> bytes:
    """Return the answer of a server that is in time itself (RFC 5905, figure 8)."""
    stamp = struct.pack("!II", int(now) + EPOCH, int(now % 1 * 2**32))
    head = struct.pack("!BBbbII4s", VERSION_4_SERVER, STRATUM, POLL, PRECISION, TINY_DELAY, TINY_DELAY, b"HOST")
    return head + stamp + asked[40:48] + stamp + stamp


@contextlib.contextmanager
def standing(wire: str) -> Iterator[None]:
    """Stand at the peer's address, on a wire that goes away with its machine, until the block ends."""
    subprocess.run(["ip", "address", "replace", f"{ADDRESS}/{PREFIX}", "dev", wire], check=True)
    with contextlib.ExitStack() as stack:
        clock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        clock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        clock.bind((ADDRESS, NTP_PORT))
        clock.settimeout(0.5)
        for port in (DECLARED, UNDECLARED):
            # The kernel completes a handshake by itself: nobody has to accept it.
            stack.enter_context(socket.create_server((ADDRESS, port), backlog=64))
        enough = threading.Event()
        thread = threading.Thread(target=_tell_time, args=(clock, enough), daemon=True)
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join(5)


def _tell_time(clock: socket.socket, enough: threading.Event) -> None:
    while not enough.is_set():
        with contextlib.suppress(TimeoutError):
            asked, who = clock.recvfrom(256)
            clock.sendto(answer(asked.ljust(48, b"\0"), time.time()), who)
