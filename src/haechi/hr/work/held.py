"""Messages that were fetched and wait for the worker, numbered as they came: what one that asks others is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from haechi.hr.envelope import Envelope
from haechi.hr.inbox import Row


@dataclass(kw_only=True)
class Held:
    """Messages by number, each with where it came from. Nothing here outlasts the process: senders keep their own."""

    _rows: dict[int, tuple[Envelope, str]] = field(default_factory=dict)
    _last: int = 0

    def add(self, envelope: Envelope, origin: str) -> None:
        """Hold one more."""
        self._last += 1
        self._rows[self._last] = (envelope, origin)

    def after(self, number: int, limit: int) -> Sequence[Row]:
        """Return the first that came after a number."""
        found = [Row(key, envelope) for key, (envelope, _) in self._rows.items() if key > number]
        return found[:limit]

    def origins(self) -> tuple[str, ...]:
        """Return where all that is held came from."""
        return tuple(origin for _, origin in self._rows.values())

    def pop(self, up_to: int) -> tuple[str, ...]:
        """Let go of those up to a number, and return where they came from."""
        numbers = [number for number in self._rows if number <= up_to]
        return tuple(self._rows.pop(number)[1] for number in numbers)
