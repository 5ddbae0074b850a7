"""What the worker is handed besides the executor: where messages come from, and who keeps evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from haechi.hr.inbox import Row
from haechi.hr.ledger.views import RevocationView
from haechi.hr.work.order import Order, Outcome


class InboxError(Exception):
    """An inbox cannot be reached or read at the moment; the text says how to mend it."""


class WitnessError(Exception):
    """Evidence could not be kept; what it was about does not count as seen."""


class InboxSource(Protocol):
    """Where accepted envelopes wait for the worker, in an order that later ones never change (`haechi.hr.inbox`).

    Both methods raise ``InboxError``.
    """

    def after(self, number: int, limit: int) -> Sequence[Row]:
        """Return the first envelopes that came after a number, in order."""

    def forget(self, up_to: int) -> int:
        """Remove the envelopes up to a number, all of which the ledger has, and return how many they were."""


class Witness(Protocol):
    """Keeps evidence. Both methods raise ``WitnessError`` and may be called again for the same thing."""

    def ran(self, revocation: int, order: Order, outcome: Outcome) -> None:
        """Keep what a run showed, before the ledger says so."""

    def closed(self, revocation: RevocationView) -> None:
        """Write the bundle of a leaving whose every host is proven or retired."""
