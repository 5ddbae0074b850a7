"""The moves that rows of the ledger may make, written out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from haechi.hr.ledger import LedgerError, states
from haechi.hr.ledger.states import ItemState, RevocationState
from haechi.hr.work.order import Seen

ITEMS = {
    ("pending", "leased"),
    ("pending", "retired"),
    ("leased", "leased"),
    ("leased", "pending"),
    ("leased", "applied"),
    ("leased", "proven"),
    ("leased", "retired"),
    ("applied", "leased"),
    ("applied", "retired"),
}
REVOCATIONS = {
    ("waiting", "open"),
    ("waiting", "superseded"),
    ("paused", "open"),
    ("paused", "waiting"),
    ("paused", "superseded"),
    ("open", "proven"),
    ("open", "superseded"),
    ("proven", "closed"),
}


def test_a_host_moves_on_these_ways_and_no_other() -> None:
    assert {(str(before), str(after)) for before in ItemState for after in states.ITEM_MOVES[before]} == ITEMS


def test_a_leaving_moves_on_these_ways_and_no_other() -> None:
    moves = {(str(before), str(after)) for before in RevocationState for after in states.REVOCATION_MOVES[before]}
    assert moves == REVOCATIONS


def test_a_host_that_was_not_leased_is_never_called_proven() -> None:
    with pytest.raises(LedgerError, match="a host that is pending cannot become proven"):
        states.move_item("pending", ItemState.PROVEN)


def test_a_closed_leaving_stays_closed() -> None:
    with pytest.raises(LedgerError, match="a revocation that is closed cannot become open"):
        states.move_revocation("closed", RevocationState.OPEN)


def test_only_what_was_seen_as_proven_is_proven() -> None:
    assert [seen for seen in Seen if states.AFTER[seen] is ItemState.PROVEN] == [Seen.PROVEN]


@pytest.mark.parametrize(
    ("tries", "seconds"), [(0, 5), (1, 5), (2, 10), (3, 20), (6, 160), (7, 300), (100, 300), (10**6, 300)]
)
def test_pauses_double_up_to_five_minutes_and_never_end(tries: int, seconds: int) -> None:
    assert states.pause(tries) == timedelta(seconds=seconds)
