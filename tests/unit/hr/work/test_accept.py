"""A message becomes what follows from it, once, whatever number of times it comes in."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.hr.ledger import LedgerError, hosts, views
from haechi.hr.signals import Act, Reading, UnavailableError
from haechi.hr.work import desk
from haechi.hr.work.accept import accept
from haechi.hr.work.decide import Sight
from haechi.tombstones import Store, Tombstone
from tests.unit.hr.ledger.build import START, Book, book, envelope

from .build import HOSTS, Submitted, read, says, sight


def test_message_leaving_items_and_job_are_written_together(ledger: Book) -> None:
    engine = Submitted()
    accepted = accept(ledger.ledger, engine, says(Act.LEAVE, "hana"), read, sight())
    (view,) = ledger.ledger.read(views.revocations)
    assert (accepted.new, accepted.refused, view.event) == (True, "", accepted.event)
    assert (view.person, str(view.state), [row.host for row in view.hosts]) == ("hana", "open", list(HOSTS))
    assert engine.numbers == [view.number]


def test_the_same_message_again_is_one_row_and_is_not_verified_again(ledger: Book) -> None:
    engine = Submitted()
    first = accept(ledger.ledger, engine, says(Act.LEAVE, "hana"), read, sight())

    def never(_message: object) -> Reading:
        raise AssertionError("read")

    again = accept(ledger.ledger, engine, says(Act.LEAVE, "hana"), never, sight())
    assert (again.event, again.new) == (first.event, False)
    assert len(ledger.ledger.read(views.events)) == len(ledger.ledger.read(views.revocations)) == 1
    assert len(engine.numbers) == 1


def test_another_message_about_the_same_leaving_opens_no_second_one(ledger: Book) -> None:
    for name in ("m1", "m2"):
        accept(ledger.ledger, Submitted(), says(Act.LEAVE, "hana", name), read, sight())
    assert len(ledger.ledger.read(views.events)) == 2
    assert len(ledger.ledger.read(views.revocations)) == 1
    assert ledger.ledger.read(views.events)[0].why == "hana: asked for already, revocation 1 is open"


def test_a_refused_message_is_kept_with_its_reason_and_nothing_follows(ledger: Book) -> None:
    accepted = accept(ledger.ledger, Submitted(), envelope(body=b"forged hana"), read, sight())
    assert accepted.refused == "not authentic: the signature is not by a known key"
    (view,) = ledger.ledger.read(views.events)
    assert (view.state, view.why) == ("refused", accepted.refused)
    assert ledger.ledger.read(views.revocations) == ()


def test_what_cannot_be_judged_now_writes_nothing(ledger: Book) -> None:
    with pytest.raises(UnavailableError):
        accept(ledger.ledger, Submitted(), envelope(body=b"later hana"), read, sight())
    assert ledger.ledger.read(views.events) == ()


def test_without_a_host_nothing_is_written_and_the_message_waits(ledger: Book) -> None:
    with pytest.raises(LedgerError, match="no managed host"):
        accept(ledger.ledger, Submitted(), says(Act.LEAVE, "hana"), read, sight(hosts=()))
    assert ledger.ledger.read(views.events) == ()


def test_late_joiner_and_mover_reopen_nothing(ledger: Book) -> None:
    left = Store(sequence=1, tombstones=(Tombstone("hana", 1, 1, START.isoformat()),))
    accept(ledger.ledger, Submitted(), says(Act.LEAVE, "hana"), read, sight())
    before = ledger.ledger.read(views.revocations)
    for act in (Act.JOIN, Act.MOVE):
        accept(ledger.ledger, Submitted(), says(act, "hana"), read, sight(left))
    assert ledger.ledger.read(views.revocations) == before
    assert [row.kind for row in ledger.ledger.read(views.matters)] == ["join", "move"]


def test_too_many_are_held_back_and_go_on_by_a_persons_word(ledger: Book) -> None:
    engine = Submitted()
    for who in ("hana", "bora", "sora"):
        accept(ledger.ledger, engine, says(Act.LEAVE, who), read, sight(limit=2))
    states = {view.person: str(view.state) for view in ledger.ledger.read(views.revocations)}
    assert states == {"hana": "open", "bora": "open", "sora": "paused"}
    (matter,) = ledger.ledger.read(views.matters)
    assert (matter.kind, matter.people) == ("breaker", ("sora",))
    assert desk.settle(ledger.ledger, engine, matter.number, ["boss"]) == (3,)
    assert engine.numbers == [1, 2, 3]
    assert {str(view.state) for view in ledger.ledger.read(views.revocations)} == {"open"}


def test_the_window_of_the_breaker_passes(ledger: Book) -> None:
    accept(ledger.ledger, Submitted(), says(Act.LEAVE, "hana"), read, sight(limit=1))
    ledger.clock.move(61 * 60)
    accept(ledger.ledger, Submitted(), says(Act.LEAVE, "bora"), read, sight(limit=1))
    assert {str(view.state) for view in ledger.ledger.read(views.revocations)} == {"open"}


def test_a_roster_no_newer_than_the_last_says_nothing(ledger: Book) -> None:
    def roster(_message: object) -> Reading:
        return Reading(roster=(), issued=START)

    accept(ledger.ledger, Submitted(), envelope("m1"), roster, sight())
    (matters,) = [len(ledger.ledger.read(views.matters))]
    accept(ledger.ledger, Submitted(), envelope("m2"), roster, sight())
    assert "there is a roster of 2026-11-26T09:00:00+00:00 already" in ledger.ledger.read(views.events)[0].why
    assert len(ledger.ledger.read(views.matters)) == matters


def test_a_retired_host_and_a_new_one_wake_the_engine(ledger: Book) -> None:
    engine = Submitted()
    accept(ledger.ledger, engine, says(Act.LEAVE, "hana"), read, sight())
    assert desk.add_hosts(ledger.ledger, engine, [*HOSTS, "new1"]) == (1,)
    assert desk.retire_host(ledger.ledger, engine, "db1", ["boss"], "scrapped") == (1,)
    assert desk.retry(ledger.ledger, engine, 1) == 2
    assert engine.numbers == [1, 1, 1, 1]


def without(host: str) -> Sight:
    return replace(sight(), hosts=tuple(name for name in HOSTS if name != host))


def test_a_host_lost_from_policy_before_anybody_leaves_is_waited_for(ledger: Book) -> None:
    engine = Submitted()
    desk.add_hosts(ledger.ledger, engine, HOSTS)
    accept(ledger.ledger, engine, says(Act.LEAVE, "hana"), read, without("db1"))
    (view,) = ledger.ledger.read(views.revocations)
    assert [row.host for row in view.hosts] == ["web1", "db1"]
    assert ledger.ledger.read(hosts.lost) == ("db1",)


def test_a_lost_host_is_found_again_or_retired(ledger: Book) -> None:
    engine = Submitted()
    desk.add_hosts(ledger.ledger, engine, HOSTS)
    desk.add_hosts(ledger.ledger, engine, ["web1"])
    assert ledger.ledger.read(hosts.lost) == ("db1",)
    desk.add_hosts(ledger.ledger, engine, HOSTS)
    assert ledger.ledger.read(hosts.lost) == ()
    desk.add_hosts(ledger.ledger, engine, ["web1"])
    assert desk.retire_host(ledger.ledger, engine, "db1", ["boss"], "scrapped") == ()
    assert (ledger.ledger.read(hosts.lost), ledger.ledger.read(hosts.known)) == ((), {"web1"})
    accept(ledger.ledger, engine, says(Act.LEAVE, "hana"), read, without("db1"))
    (view,) = ledger.ledger.read(views.revocations)
    assert [row.host for row in view.hosts] == ["web1"]


def test_a_policy_without_hosts_is_no_site_whatever_it_had_before(ledger: Book) -> None:
    engine = Submitted()
    desk.add_hosts(ledger.ledger, engine, HOSTS)
    with pytest.raises(LedgerError, match="policy has no managed host"):
        accept(ledger.ledger, engine, says(Act.LEAVE, "hana"), read, replace(sight(), hosts=()))
    assert ledger.ledger.read(views.revocations) == ()


MESSAGES = st.lists(
    st.tuples(st.sampled_from(Act), st.sampled_from(["hana", "bora", "sora", "nobody"]), st.sampled_from("abc")),
    max_size=12,
)


@pytest.mark.exhaustive
@settings(max_examples=25)
@given(sent=MESSAGES)
def test_in_any_order_and_any_number_each_message_counts_once_and_each_leaver_leaves_once(
    empty: Path, sent: list[tuple[Act, str, str]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(empty, f"{folder}/ledger.sqlite")
        opened = book(Path(folder) / "ledger.sqlite")
        messages = [says(act, person, f"{act} {person} {name}") for act, person, name in sent]
        new = [accept(opened.ledger, Submitted(), message, read, sight()).new for message in messages]
        found = opened.ledger.read(views.revocations)
        assert sum(new) == len({message.id for message in messages}) == len(opened.ledger.read(views.events))
        asked = {person for act, person, _ in sent if act in {Act.LEAVE, Act.FREEZE} and person != "nobody"}
        assert sorted(view.person for view in found) == sorted(asked)
        left = {view.person for view in found if view.act is Act.LEAVE}
        assert left == {person for act, person, _ in sent if act is Act.LEAVE and person in asked}
        opened.ledger.close()
