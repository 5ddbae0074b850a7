"""How often somebody may ask: an address at all, and a source with what is authentic."""

from __future__ import annotations

import ipaddress
import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from haechi.hr.receive.config import Limits


class TooOftenError(Exception):
    """Somebody asks too often; ``seconds`` says when to try again."""

    def __init__(self, seconds: int) -> None:
        """Take the time to wait."""
        super().__init__(f"too many requests: try again in {seconds} seconds")
        self.seconds = seconds


class Rates:
    """Counts of the running minute. They are few bytes each and go with their minute."""

    def __init__(self, limits: Limits) -> None:
        """Take the limits."""
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._address = RateLimitItemPerMinute(limits.per_address)
        self._source = RateLimitItemPerMinute(limits.per_source)

    def check_address(self, address: str) -> None:
        """Count a request of an address. Raises ``TooOftenError``."""
        self._check(self._address, "address", network(address))

    def check_source(self, name: str) -> None:
        """Count a request that a source did send; a stranger uses nothing of it up. Raises ``TooOftenError``."""
        self._check(self._source, "source", name)

    def _check(self, item: RateLimitItemPerMinute, *key: str) -> None:
        if not self._limiter.hit(item, *key):
            ends = self._limiter.get_window_stats(item, *key).reset_time
            raise TooOftenError(max(1, math.ceil(ends - time.time())))


def network(address: str) -> str:
    """Return whom an address belongs to: of IPv6 one customer has a whole /64 (RFC 6177)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)  # noqa: PLR2004
