"""Around every request: the address's rate first, and afterwards one line in the log without anything secret."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haechi.hr.receive import answers
from haechi.hr.receive.rates import Rates, TooOftenError

LOG = logging.getLogger("haechi.hr.receive")
# A stranger chooses the path; it is still percent-encoded, so it is one line.
LONGEST_PATH = 120


class Gate:
    """An ASGI middleware. Its log has no query and no header: both may hold what is secret."""

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        """Take what it stands before."""
        self.app, self.rates = app, rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        address = (scope.get("client") or ("-",))[0]
        begun, status = time.monotonic(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            self.rates.check_address(address)
            await self.app(scope, receive, noted)
        except TooOftenError as error:
            await answers.too_often(error)(scope, receive, noted)
        finally:
            path = scope.get("raw_path", b"").decode("ascii", "replace")[:LONGEST_PATH]
            LOG.info("%s %s %s %d %.0f ms", address, scope["method"], path, status, (time.monotonic() - begun) * 1000)
