"""A connection that asks for nothing is ended: uvicorn waits for the rest of a request's head for ever."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle


class Hurried(H11Protocol):
    """HTTP/1.1, whose client sends a whole head within ``timeout_keep_alive`` seconds, or is gone after twice that."""

    _watch: asyncio.TimerHandle | None = None
    _seen: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch."""
        super().connection_made(transport)
        self._watched()

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
