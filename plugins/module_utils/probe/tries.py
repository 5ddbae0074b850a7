"""The many attempts of a zone matrix, in the short form in which they travel and are kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.probe.attempts import Attempts

# A server on a host under load may need seconds; what is dropped is silent for however long.
LONG, SHORT = 8.0, 1.6


def make(asked: Iterable[tuple[str, str, int, bool]]) -> list[list[Any]]:
    """Return, for each ``(address, proto, port, patient)``, the first three with source, result and milliseconds."""
    rows = [
        {"address": address, "proto": proto, "port": port, "patience": LONG if patient else SHORT}
        for address, proto, port, patient in asked
    ]
    names = ("address", "proto", "port", "source", "result", "ms")
    return [[row[name] for name in names] for row in Attempts(rows).make()]
