"""Attempts made all at once, a bounded number of them open, within one deadline; nothing is sent over what opens."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.probe import protocols
from ansible_collections.haechi.guard.plugins.module_utils.probe.protocols import TIMEOUT, Answer, NoAttemptError

# Longer than Linux waits before it sends a lost SYN again (a second, RFC 6298, 2.1).
PATIENCE = 1.6
# A login's limit of open files is 1024 (systemd's default), and the look at the host needs some of them.
AT_ONCE = 400
DEADLINE = 20.0
UNTRIED = "untried"


@dataclass
class _Open:
    """An attempt under way."""

    row: dict[str, Any]
    link: socket.socket
    began: float

    @property
    def until(self) -> float:
        """Return when nothing more is waited for."""
        return self.began + float(self.row.get("patience", PATIENCE))


class Attempts:
    """Some rows with ``address``, ``port`` and, where it is not TCP, ``proto``; each gets its ``result``.

    ``patience`` are the seconds that a row waits, 1.6 if it does not say. A result is open, refused (the network lets
    it through, nobody serves it), timeout, unreachable, blocked (by this host itself) or untried; ``why`` says it in
    the system's words, ``source`` is the address that the attempt came from, "" where it never left, and ``ms`` how
    long it took.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take the rows."""
        self._rows = [dict(row) for row in rows]
        self._open: dict[int, _Open] = {}
        self._poll = select.poll()

    def make(self) -> list[dict[str, Any]]:
        """Make them all, and return the rows with what came of them."""
        until, waiting = time.monotonic() + DEADLINE, iter(self._rows)
        while self._fill(waiting, until) or self._open:
            self._hear()
        for row in waiting:
            _tell(row, Answer(UNTRIED, f"not begun within {DEADLINE:g} s"), "", 0.0)
        return self._rows

    def _fill(self, waiting: Iterator[dict[str, Any]], until: float) -> bool:
        """Begin what there is room and time for; return whether something was begun."""
        room = AT_ONCE - len(self._open) if time.monotonic() < until else 0
        begun = 0
        for row in islice(waiting, room):
            self._begin(row)
            begun += 1
        return bool(begun)

    def _begin(self, row: dict[str, Any]) -> None:
        began = time.monotonic()
        try:
            link, event = protocols.begin(row)
        except NoAttemptError as error:
            _tell(row, error.answer, "", time.monotonic() - began)
            return
        self._open[link.fileno()] = _Open(row, link, began)
        self._poll.register(link, event)

    def _hear(self) -> None:
        """Wait for the next answers, or for the first patience to end."""
        if not self._open:
            return
        first = min(one.until for one in self._open.values())
        for handle, _ in self._poll.poll(max(0.0, first - time.monotonic()) * 1000 + 1):
            answer = protocols.heard(self._open[handle].link)
            if answer is not None:
                self._end(handle, answer)
        now = time.monotonic()
        for handle in [handle for handle, one in self._open.items() if one.until <= now]:
            waited = self._open[handle].until - self._open[handle].began
            self._end(handle, Answer(TIMEOUT, f"no answer within {waited:g} s"))

    def _end(self, handle: int, answer: Answer) -> None:
        one = self._open.pop(handle)
        self._poll.unregister(handle)
        source = str(one.link.getsockname()[0])
        one.link.close()
        _tell(one.row, answer, source, time.monotonic() - one.began)


def _tell(row: dict[str, Any], answer: Answer, source: str, seconds: float) -> None:
    row |= {"result": answer.result, "why": answer.why, "source": source, "ms": round(seconds * 1000)}
