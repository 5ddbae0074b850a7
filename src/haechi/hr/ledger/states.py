"""How rows of the ledger may move: every change of a state asks here first. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from haechi.hr.ledger.errors import LedgerError
from haechi.hr.work.order import Seen

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)


class EventState(StrEnum):
    """What became of a message."""

    ACCEPTED = "accepted"
    """Verified, and everything that follows from it is in the ledger."""
    REFUSED = "refused"
    """Not believed when it was verified again; nothing followed."""


class RevocationState(StrEnum):
    """Where one leaving stands."""

    WAITING = "waiting"
    PAUSED = "paused"
    OPEN = "open"
    PROVEN = "proven"
    """Every host is proven or retired; its bundle is not written yet."""
    CLOSED = "closed"
    SUPERSEDED = "superseded"
    """The person was hired again before it ended; working on would shut the new employment's doors."""


class ItemState(StrEnum):
    """Where one host of a leaving stands."""

    PENDING = "pending"
    LEASED = "leased"
    APPLIED = "applied"
    """The host says that its doors are shut; the proof is still asked for."""
    PROVEN = "proven"
    RETIRED = "retired"
    """The host is gone, which a person signed for; never counted as proven."""


R, I = RevocationState, ItemState  # noqa: E741 -- two tables below, side by side
REVOCATION_MOVES: Mapping[RevocationState, frozenset[RevocationState]] = {
    R.WAITING: frozenset({R.OPEN, R.SUPERSEDED}),
    R.PAUSED: frozenset({R.OPEN, R.WAITING, R.SUPERSEDED}),
    R.OPEN: frozenset({R.PROVEN, R.SUPERSEDED}),
    R.PROVEN: frozenset({R.CLOSED}),
    R.CLOSED: frozenset(),
    R.SUPERSEDED: frozenset(),
}
# A lease that ran out is taken over, so leased follows leased; the token tells the two holders apart.
ITEM_MOVES: Mapping[ItemState, frozenset[ItemState]] = {
    I.PENDING: frozenset({I.LEASED, I.RETIRED}),
    I.LEASED: frozenset({I.LEASED, I.PENDING, I.APPLIED, I.PROVEN, I.RETIRED}),
    I.APPLIED: frozenset({I.LEASED, I.RETIRED}),
    I.PROVEN: frozenset(),
    I.RETIRED: frozenset(),
}
ENDED = frozenset({I.PROVEN, I.RETIRED})
AFTER = {
    Seen.PROVEN: I.PROVEN,
    Seen.APPLIED: I.APPLIED,
    Seen.UNREACHABLE: I.PENDING,
    Seen.UNKNOWN: I.PENDING,
}


def move_revocation(before: str, after: RevocationState) -> str:
    """Return the new state. Raises ``LedgerError`` for a move that there is not."""
    if after not in REVOCATION_MOVES[RevocationState(before)]:
        raise LedgerError(f"a revocation that is {before} cannot become {after}: see `haechi hr status`")
    return after


def move_item(before: str, after: ItemState) -> str:
    """Return the new state. Raises ``LedgerError`` for a move that there is not."""
    if after not in ITEM_MOVES[ItemState(before)]:
        raise LedgerError(f"a host that is {before} cannot become {after}: see `haechi hr status`")
    return after


def pause(tries: int) -> timedelta:
    """Return how long a host waits after its ``tries``-th try without proof: 5 s, doubling up to 5 min, for ever."""
    # The exponent is bounded first: after days of tries the power itself would be beyond any time.
    return min(FIRST_PAUSE * (1 << min(max(tries, 1) - 1, 16)), LONGEST_PAUSE)


def next_due(now: datetime, tries: int) -> datetime:
    """Return when a host is due again."""
    return now + pause(tries)
