"""TCP connections tried from this host, all at once; nothing is sent over one that opens."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Iterable, Mapping
from typing import Any

SECONDS = 1.0
_CLOSED = {errno.ECONNREFUSED: "refused", errno.ETIMEDOUT: "timeout"}


class Probes:
    """Connections under way."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Start them all, without waiting."""
        self._until = time.monotonic() + SECONDS
        self._rows = [dict(row) for row in rows]
        self._waiting: dict[int, tuple[int, socket.socket]] = {}
        self._poll = select.poll()
        for number in range(len(self._rows)):
            self._start(number)

    def _start(self, number: int) -> None:
        address, port = str(self._rows[number]["address"]), int(self._rows[number]["port"])
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            # Takes no name: a resolver that does not answer would outlast the second.
            socket.inet_pton(family, address)
            link = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            self._tell(number, "unreachable", str(error))
            return
        code = link.connect_ex((address, port))
        if code in {errno.EINPROGRESS, errno.EAGAIN}:
            self._waiting[link.fileno()] = (number, link)
            self._poll.register(link, select.POLLOUT)
            return
        link.close()
        self._judge(number, code)

    def results(self) -> list[dict[str, Any]]:
        """Wait for the answers, at most until a second after the start, and return each row with its result."""
        while self._waiting:
            ready = self._poll.poll(max(0.0, self._until - time.monotonic()) * 1000)
            if not ready:
                break
            for handle, _ in ready:
                number, link = self._waiting.pop(handle)
                self._poll.unregister(handle)
                # Writable means decided; how, the socket's error tells (connect(2), EINPROGRESS).
                self._judge(number, link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                link.close()
        for number, link in self._waiting.values():
            self._tell(number, "timeout", f"no answer within {SECONDS:g} s")
            link.close()
        self._waiting.clear()
        return self._rows

    def _judge(self, number: int, code: int) -> None:
        self._tell(number, "open" if code == 0 else _CLOSED.get(code, "unreachable"), os.strerror(code) if code else "")

    def _tell(self, number: int, result: str, why: str) -> None:
        self._rows[number] |= {"result": result, "why": why}
