"""The many attempts of a zone matrix, in the short form in which they travel and are kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.probe.attempts import Attempts


def make(asked: Iterable[tuple[str, str, int]]) -> list[list[Any]]:
    """Return, for each ``(address, proto, port)``, these three with the source, the result and the milliseconds."""
    rows = [{"address": address, "proto": proto, "port": port} for address, proto, port in asked]
    names = ("address", "proto", "port", "source", "result", "ms")
    return [[row[name] for name in names] for row in Attempts(rows).make()]
