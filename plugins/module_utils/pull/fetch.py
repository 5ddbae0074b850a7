"""The list from the host that serves it: connect, say nothing, read to the end. No request means no parser there."""

from __future__ import annotations

import socket
import time

from ansible_collections.haechi.guard.plugins.module_utils.pull.document import MOST, ListError

PAUSE = 0.5


def fetch(address: str, port: int, seconds: float, *, patient: bool) -> bytes:
    """Return what the server sends within so many seconds; patient: a server that does not answer yet is asked again.

    Raises ``ListError``.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return _once(address, port, until)
        except OSError as error:
            if not patient or time.monotonic() + PAUSE >= until:
                raise ListError(f"{address} port {port}: {error.strerror or error}") from error
            time.sleep(PAUSE)


def _once(address: str, port: int, until: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    with socket.create_connection((address, port), timeout=_left(until)) as connection:
        while True:
            # A time-out is for one recv(2): a server that drips bytes would else hold this run for ever.
            connection.settimeout(_left(until))
            part = connection.recv(1 << 16)
            if not part:
                return b"".join(parts)
            parts.append(part)
            size += len(part)
            if size > MOST:
                raise ListError(f"{address} port {port}: more than {MOST} bytes are no list")


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("no whole answer in time")
    return left
