"""Messages and alerts as people see them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from haechi.hr.ledger import LedgerError, events, matters, views
from haechi.hr.ledger.states import EventState

from .build import START, Book, envelope


def test_a_message_is_kept_as_it_came(ledger: Book) -> None:
    number = ledger.ledger.write(events.append, envelope(body=b"\x00raw"), EventState.REFUSED, "no signature")
    view = ledger.ledger.read(views.event, number)
    assert (view.source, view.kind, view.received, view.accepted) == ("hr", "webhook", START, START)
    assert (view.state, view.why) == ("refused", "no signature")
    assert ledger.ledger.read(views.body, number) == b"\x00raw"
    assert ledger.ledger.read(views.events) == (view,)
    assert ledger.ledger.read(events.known, view.id) == number


def test_a_message_that_is_not_there_is_told_in_words(ledger: Book) -> None:
    assert ledger.ledger.read(events.known, "0" * 64) is None
    with pytest.raises(LedgerError, match="there is no event 1"):
        ledger.ledger.read(views.body, 1)


def test_people_are_told_once_while_a_cause_lasts_and_again_when_it_returns(ledger: Book) -> None:
    assert ledger.ledger.write(matters.raise_alert, "sla 1", "hana is not out")
    assert not ledger.ledger.write(matters.raise_alert, "sla 1", "hana is not out")
    assert [row.key for row in ledger.ledger.read(views.alerts, unsent=True)] == ["sla 1"]
    ledger.ledger.write(matters.alert_sent, "sla 1")
    assert ledger.ledger.read(views.alerts, unsent=True) == ()
    ledger.ledger.write(matters.alert_over, "sla 1")
    ledger.clock.move(60)
    assert ledger.ledger.write(matters.raise_alert, "sla 1", "hana is not out again")
    (row,) = ledger.ledger.read(views.alerts)
    assert (row.text, row.raised, row.sent, row.held) == (
        "hana is not out again",
        START + timedelta(seconds=60),
        None,
        True,
    )


def test_counts_are_by_state(ledger: Book) -> None:
    ledger.begin("hana")
    ledger.begin("bora")
    assert ledger.ledger.read(views.counts) == {"event": {}, "revocation": {"open": 2}, "work_item": {"pending": 4}}


def test_the_newest_roster_of_a_source_is_known_by_its_own_time(ledger: Book) -> None:
    assert ledger.ledger.read(events.last_issued, "hr") is None
    for day, name in enumerate(("m1", "m2", "m3")):
        issued = START - timedelta(days=day)
        ledger.ledger.write(events.append, envelope(name), EventState.ACCEPTED, "", issued)
    assert ledger.ledger.read(events.last_issued, "hr") == START
    assert ledger.ledger.read(events.last_issued, "other") is None


def test_what_waits_for_a_person_already_is_not_laid_before_them_again(ledger: Book) -> None:
    first = ledger.ledger.write(matters.open_matter, matters.UNMATCHED, "who is E7", None)
    assert ledger.ledger.write(matters.open_matter, matters.UNMATCHED, "who is E7", None) == first
    ledger.ledger.write(matters.close_matter, first, ["sora"])
    assert ledger.ledger.write(matters.open_matter, matters.UNMATCHED, "who is E7", None) != first
    assert len(ledger.ledger.read(views.matters)) == 1


def test_each_breaker_is_a_matter_of_its_own(ledger: Book) -> None:
    first = ledger.ledger.write(matters.open_matter, matters.BREAKER, "4 people", None)
    assert ledger.ledger.write(matters.open_matter, matters.BREAKER, "4 people", None) != first
