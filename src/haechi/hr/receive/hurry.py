"""A connection that asks for nothing is ended: uvicorn waits for the rest of a request's head for ever.

Whoever comes while too many are here is told when to come again, which uvicorn's own answer does not say.
"""

from __future__ import annotations

import asyncio
import logging

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from haechi.hr.receive import answers

LOG = logging.getLogger(__name__)


class Hurried(H11Protocol):
    """HTTP/1.1, whose client sends a whole head within ``timeout_keep_alive`` seconds, or is gone after twice that."""

    _watch: asyncio.TimerHandle | None = None
    _seen: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch."""
        super().connection_made(transport)
        self._served, self._most, self.limit_concurrency = self.app, self.limit_concurrency, None
        self._watched()

    def handle_events(self) -> None:
        """Serve what came in, or say that too many ask at once."""
        crowded = self._most is not None and max(len(self.connections), len(self.tasks)) >= self._most
        if crowded:
            LOG.warning("%d connections, %d requests: too many at once", len(self.connections), len(self.tasks))
        self.app = answers.not_now("too many ask at once: send it again") if crowded else self._served
        super().handle_events()

    def connection_lost(self, exc: Exception | None) -> None:
        """Watch no more."""
        if self._watch:
            self._watch.cancel()
        super().connection_lost(exc)

    def _watched(self) -> None:
        self._watch = self.loop.call_later(self.timeout_keep_alive, self._look)

    def _look(self) -> None:
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy or self.cycle is not self._seen:
            self._seen = self.cycle
            self._watched()
        else:
            self.transport.abort()
