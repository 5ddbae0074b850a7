"""What follows from a message, case by case; the policy is a handful of people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from haechi.hr.ledger.states import RevocationState
from haechi.hr.ledger.views import Standing
from haechi.hr.signals import Act, Reading, Signal, Subject
from haechi.hr.work.decide import Decision, Known, Sight, decide, wishes
from haechi.policy.models import Identity, Kind, Policy, State
from haechi.policy.provisioning import Breaker
from haechi.tombstones import Rehire, Store, Tombstone

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
PEOPLE = (
    Identity(id="hana", name="이하나", hr_id="E1"),
    Identity(id="bora", name="김보라", hr_id="E2"),
    Identity(id="sora", name="박소라"),
    Identity(id="deploy", name="Deploy", kind=Kind.AUTOMATION, owner="sora", hr_id="E9"),
)
# Twenty more, so that one or two people are no crowd.
MANY = tuple(Identity(id=f"p{number}", name=f"P{number}", hr_id=f"N{number}") for number in range(20))
SIGHT = Sight(
    policy=Policy.model_construct(identities=(*PEOPLE, *MANY)),
    left=Store(),
    hosts=("web1",),
    breaker=Breaker(people=3, percent=50, window_minutes=60),
)
LEFT = Store(sequence=1, tombstones=(Tombstone("hana", 1, 1, "2026-11-01T00:00:00+00:00"),))


def signal(act: Act = Act.LEAVE, effective: datetime | None = None, *, immediate: bool = False, **who: str) -> Signal:
    subject = Subject(**(who or {"hr_id": "E1"}))
    return Signal(act=act, subject=subject, reason="resigned", effective=effective, immediate=immediate)


def decided(
    reading: Reading,
    sight: Sight = SIGHT,
    asked: frozenset[str] = frozenset(),
    standing: Mapping[tuple[str, int], Standing] | None = None,
) -> Decision:
    known = Known(now=NOW, standing=standing or {}, asked=asked)
    return decide(wishes(reading, sight, NOW), known, sight, reading.warnings)


def one(*signals: Signal, **options: object) -> Decision:
    return decided(Reading(signals=signals), **options)  # type: ignore[arg-type] # what `decided` takes


def begun(decision: Decision) -> list[tuple[str, int, str, str]]:
    return [(row.person, row.epoch, str(row.act), str(row.state)) for row in decision.begins]


def told(decision: Decision) -> list[tuple[str, str]]:
    return [(matter.kind, matter.about) for matter in decision.matters]


@pytest.mark.parametrize("who", [{"hr_id": "E1"}, {"user_name": "hana"}, {"hr_id": "E1", "user_name": "hana"}])
@pytest.mark.parametrize("act", [Act.LEAVE, Act.FREEZE])
def test_a_leaver_is_put_out_at_once(act: Act, who: dict[str, str]) -> None:
    decision = one(signal(act, **who))
    assert begun(decision) == [("hana", 1, act, "open")]
    assert decision.begins[0].effective == NOW
    assert told(decision) == []


@pytest.mark.parametrize(
    "who",
    [
        {"hr_id": "E77"},
        {"user_name": "nobody"},
        {"email": "hana@example.com"},
        {"hr_id": "e1"},
        {"user_name": "Hana"},
        {"hr_id": "E9"},
        {"user_name": "deploy"},
    ],
)
def test_a_leaver_whom_policy_does_not_know_is_laid_before_people(who: dict[str, str]) -> None:
    decision = one(signal(**who))
    assert begun(decision) == []
    ((kind, about),) = told(decision)
    assert kind == "unmatched"
    assert next(iter(who.values())) in about


@pytest.mark.parametrize("act", [Act.LEAVE, Act.FREEZE, Act.JOIN, Act.MOVE])
def test_names_of_two_people_put_nobody_out(act: Act) -> None:
    decision = one(signal(act, hr_id="E1", user_name="bora"))
    assert begun(decision) == []
    assert [kind for kind, _ in told(decision)] == ["unmatched"]
    assert "bora and hana" in told(decision)[0][1]


def test_a_later_leaving_waits_for_its_time_and_immediate_does_not() -> None:
    assert begun(one(signal(effective=LATER))) == [("hana", 1, "leave", "waiting")]
    assert one(signal(effective=LATER)).begins[0].effective == LATER
    assert begun(one(signal(effective=LATER, immediate=True))) == [("hana", 1, "leave", "open")]
    assert begun(one(signal(effective=NOW - timedelta(days=3)))) == [("hana", 1, "leave", "open")]


def test_of_two_words_about_one_person_the_stronger_and_sooner_counts() -> None:
    decision = one(signal(effective=LATER), signal(Act.FREEZE))
    assert begun(decision) == [("hana", 1, "leave", "open")]
    assert begun(one(signal(Act.FREEZE), signal(effective=LATER))) == [("hana", 1, "leave", "open")]


@pytest.mark.parametrize("act", [Act.JOIN, Act.MOVE])
def test_a_joiner_or_mover_is_laid_before_people_and_changes_nothing(act: Act) -> None:
    decision = one(signal(act))
    assert begun(decision) == []
    assert told(decision) == [(str(act), f"{act}: hana (hr_id 'E1'): resigned")]
    assert told(one(signal(act, hr_id="E77"))) == [(str(act), f"{act}: hr_id 'E77', who is not in policy: resigned")]


@pytest.mark.parametrize("act", [Act.JOIN, Act.MOVE])
def test_a_late_joiner_or_mover_never_brings_a_leaver_back(act: Act) -> None:
    decision = one(
        signal(act),
        sight=replace(SIGHT, left=LEFT),
        standing={("hana", 1): Standing(4, RevocationState.OPEN)},
    )
    assert (begun(decision), decision.hastens) == ([], ())
    assert "who left and stays out until somebody hires them again" in told(decision)[0][1]


def test_a_note_is_kept_and_nothing_follows() -> None:
    decision = one(signal(Act.NOTE))
    assert (begun(decision), told(decision)) == ([], [])


@pytest.mark.parametrize("state", ["waiting", "paused", "open"])
def test_whoever_was_asked_for_is_asked_for_once_and_may_be_hastened(state: str) -> None:
    decision = one(signal(), standing={("hana", 1): Standing(4, RevocationState(state))})
    assert begun(decision) == []
    assert [(row.number, row.act, row.effective) for row in decision.hastens] == [(4, Act.LEAVE, NOW)]
    assert decision.why == f"hana: asked for already, revocation 4 is {state}"


@pytest.mark.parametrize("state", ["proven", "closed", "superseded"])
def test_what_is_over_is_not_touched(state: str) -> None:
    decision = one(signal(), standing={("hana", 1): Standing(4, RevocationState(state))})
    assert (begun(decision), decision.hastens) == ([], ())


def test_a_second_employment_is_left_by_a_second_leaving() -> None:
    again = replace(LEFT, rehires=(Rehire("hana", 2, 2, "2026-11-20T00:00:00+00:00"),))
    decision = one(
        signal(), sight=replace(SIGHT, left=again), standing={("hana", 1): Standing(4, RevocationState.CLOSED)}
    )
    assert begun(decision) == [("hana", 2, "leave", "open")]


def names(*numbers: int) -> frozenset[str]:
    return frozenset(f"p{number}" for number in numbers)


@pytest.mark.parametrize(("before", "state"), [(0, "open"), (2, "open"), (3, "paused"), (10, "paused")])
def test_single_leavers_go_on_up_to_the_limit(before: int, state: str) -> None:
    decision = one(signal(), asked=names(*range(before)))
    assert [row[3] for row in begun(decision)] == [state]
    assert [kind for kind, _ in told(decision)] == (["breaker"] if state == "paused" else [])


def test_a_batch_over_the_limit_waits_as_a_whole() -> None:
    signals = [signal(hr_id=f"N{number}") for number in range(4)]
    decision = one(*signals)
    assert [row[3] for row in begun(decision)] == ["paused"] * 4
    assert told(decision) == [
        ("breaker", "4 people were asked for within 60 minutes, more than 3: held back are p0, p1, p2, p3")
    ]
    assert [row[3] for row in begun(one(*signals[:3]))] == ["open"] * 3


def test_the_same_person_asked_for_again_fills_no_limit() -> None:
    decision = one(signal(), signal(), asked=frozenset({"hana", "p1", "p2"}))
    assert begun(decision) == [("hana", 1, "leave", "open")]


def team(people: int, breaker: Breaker) -> Sight:
    return replace(SIGHT, policy=Policy.model_construct(identities=MANY[:people]), breaker=breaker)


@pytest.mark.parametrize(
    ("people", "leavers", "state"),
    [(1, 1, "open"), (5, 2, "open"), (5, 3, "paused"), (20, 2, "open"), (20, 3, "paused")],
)
def test_a_share_of_all_people_is_a_limit_too_from_the_third_on(people: int, leavers: int, state: str) -> None:
    """Ten percent of a team of five is nobody, and its leavers are single ones until they are three."""
    decision = one(*(signal(hr_id=f"N{number}") for number in range(leavers)), sight=team(people, Breaker(people=5)))
    assert [row[3] for row in begun(decision)] == [state] * leavers


def test_a_larger_team_may_lose_as_many_as_its_share() -> None:
    twenty = team(20, Breaker(people=5, percent=20))
    assert [row[3] for row in begun(one(*(signal(hr_id=f"N{n}") for n in range(4)), sight=twenty))] == ["open"] * 4
    decision = one(*(signal(hr_id=f"N{n}") for n in range(5)), sight=twenty)
    assert [row[3] for row in begun(decision)] == ["paused"] * 5
    assert "5 people were asked for within 60 minutes, more than 20 % of 20" in told(decision)[0][1]


def test_policy_may_stop_the_second_leaver() -> None:
    strict = team(20, Breaker(people=1))
    assert [row[3] for row in begun(one(signal(hr_id="N0"), sight=strict))] == ["open"]
    assert [row[3] for row in begun(one(signal(hr_id="N1"), asked=names(0), sight=strict))] == ["paused"]


def roster(*who: Subject, sight: Sight = SIGHT) -> Decision:
    return decided(Reading(roster=who), sight=sight)


STAFF = tuple(Subject(hr_id=f"N{number}") for number in range(20))


def test_whoever_is_missing_in_the_roster_is_put_out() -> None:
    decision = roster(*STAFF, Subject(hr_id="E1"), Subject(user_name="sora"))
    assert begun(decision) == [("bora", 1, "leave", "open")]
    assert decision.begins[0].reason == "not in the roster of HR"


def test_whom_the_roster_cannot_name_is_asked_about() -> None:
    decision = roster(*STAFF, Subject(hr_id="E1"), Subject(hr_id="E2"))
    assert begun(decision) == []
    assert told(decision) == [
        ("unmatched", "sora has access, and the roster could not name them: give them an hr_id in policy")
    ]


def test_a_shrunken_roster_waits_for_a_second_person() -> None:
    decision = roster(Subject(hr_id="E1"), Subject(user_name="sora"))
    assert len(begun(decision)) == 21
    assert {row[3] for row in begun(decision)} == {"paused"}


def test_an_empty_roster_puts_nobody_out() -> None:
    decision = roster()
    assert begun(decision) == []
    assert {kind for kind, _ in told(decision)} == {"unmatched"}


def test_a_roster_says_nothing_of_those_without_access() -> None:
    away = (
        Identity(id="old", name="Old", hr_id="X1", state=State.DISABLED, since=date(2026, 1, 1)),
        Identity(id="new", name="New", hr_id="X2", start=date(2027, 1, 1)),
        Identity(id="past", name="Past", hr_id="X3", end=date(2026, 1, 1)),
    )
    policy = Policy.model_construct(identities=(*PEOPLE, *MANY, *away))
    rows = (*STAFF, Subject(hr_id="E2"), Subject(user_name="sora"))
    assert begun(roster(*rows, sight=replace(SIGHT, policy=policy, left=LEFT))) == []


def test_warnings_of_the_reading_are_kept_with_the_message() -> None:
    assert decided(Reading(warnings=("an unknown event type",))).why == "an unknown event type"
