"""Somebody with access whom HR does not name is laid before people, once for each roster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from haechi import tombstones
from haechi.hr.envelope import Envelope
from haechi.hr.ledger import Ledger, events, matters, open_ledger, views
from haechi.hr.ledger.states import EventState
from haechi.hr.signals import Reading, RefusedError, Subject
from haechi.hr.work.decide import Sight
from haechi.hr.work.reconcile import Roster, findings, reconcile
from haechi.policy.models import Policy
from haechi.policy.provisioning import Breaker, SourceKind
from haechi.review.model import Review
from tests.unit.controls import world
from tests.unit.review import samples

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def policy() -> Policy:
    """Return the lab's policy, in which hana alone has an id of HR."""
    base = world.policy()
    people = [row.model_copy(update={"hr_id": "E1" if row.id == "hana" else None}) for row in base.identities]
    return base.model_copy(update={"identities": tuple(people)})


@pytest.fixture
def sight(policy: Policy, tmp_path: Path) -> Sight:
    return Sight(policy=policy, left=tombstones.read(tmp_path), hosts=("ops1",), breaker=Breaker())


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = open_ledger(tmp_path / "ledger.sqlite")
    yield made
    made.close()


SEEN = samples.clean().model_copy(update={"at": NOW.isoformat()})


def found(policy: Policy, left: frozenset[str], rosters: list[Roster], shown: Review | None = SEEN) -> list[str]:
    """Return the findings of today, where the hosts were looked at today."""
    return findings(policy, left, rosters, shown, NOW)


def roster(*people: Subject, days: int = 0) -> Roster:
    return Roster(source="hr", issued=NOW - timedelta(days=days), people=people)


def named(*ids: str) -> tuple[Subject, ...]:
    return tuple(Subject(user_name=name) for name in ids)


def test_whom_no_roster_names_is_found(policy: Policy) -> None:
    """By HR's id or by the user name; who left or was disabled is no finding, nor is an account that is no person."""
    everybody = found(policy, frozenset(), [roster(Subject(hr_id="E2"))])
    named_here = [line.split()[0] for line in everybody]
    mend = "ask HR, then offboard them or have the roster mended"
    assert f"hana has access, and HR's roster of 2026-11-26 does not name E1: {mend}" in everybody
    assert "sentinel" not in named_here
    assert "haechi" not in named_here

    others = named(*(name for name in named_here if name != "hana"))
    assert found(policy, frozenset(), [roster(*others)]) == [line for line in everybody if line.startswith("hana ")]
    assert found(policy, frozenset(), [roster(Subject(hr_id="E1"), *others)]) == []
    assert found(policy, frozenset({"hana"}), [roster(*others)]) == []


def test_two_sources_name_people_together(policy: Policy) -> None:
    """Employees come from one, contractors from another."""
    names = [line.split()[0] for line in found(policy, frozenset(), [roster(Subject(hr_id="E2"))])]
    half = len(names) // 2

    assert found(policy, frozenset(), [roster(*named(*names[:half])), roster(*named(*names[half:]))]) == []


def test_an_old_roster_is_a_finding_of_its_own(policy: Policy) -> None:
    """Without any roster there is nothing to compare with."""
    names = [line.split()[0] for line in found(policy, frozenset(), [roster(Subject(hr_id="E2"))])]

    assert found(policy, frozenset(), [roster(*named(*names), days=36)]) == [
        "the last roster of hr is of 2026-10-21: have HR send a new one"
    ]
    assert found(policy, frozenset(), []) == []


def kept(ledger: Ledger, name: str, issued: datetime, state: EventState = EventState.ACCEPTED) -> None:
    envelope = Envelope(id=name * 64, source="hr", kind=SourceKind.ROSTER, received=NOW, body=name.encode())
    ledger.write(events.append, envelope, state, "", issued)


def test_the_last_roster_of_the_ledger_counts_and_each_finding_once(ledger: Ledger, sight: Sight) -> None:
    """Not the one that came last, and none that was refused; what people settled stays settled."""
    kept(ledger, "b", NOW)
    kept(ledger, "a", NOW - timedelta(days=1))
    kept(ledger, "c", NOW + timedelta(days=1), EventState.REFUSED)
    seen: list[bytes] = []

    def read(envelope: Envelope) -> Reading:
        seen.append(envelope.body)
        return Reading(roster=(Subject(hr_id="E2"),), issued=NOW)

    opened = reconcile(ledger, sight, read, SEEN, NOW)
    laid = ledger.read(views.matters)
    assert (seen, opened, len(laid)) == ([b"b"], len(laid), opened)
    assert {matter.kind for matter in laid} == {"unmatched"}
    ledger.write(matters.close_matter, laid[0].number, ["sora"])

    assert reconcile(ledger, sight, read, SEEN, NOW) == 0


def test_a_roster_that_is_not_believed_any_more_is_said_to_be(ledger: Ledger, sight: Sight) -> None:
    """Its signer left, for one: nobody is judged by it."""
    kept(ledger, "a", NOW)

    def read(envelope: Envelope) -> Reading:
        raise RefusedError(401, "not authentic", f"nobody signed {envelope.id[:1]}")

    assert reconcile(ledger, sight, read, SEEN, NOW) == 1
    assert [matter.about for matter in ledger.read(views.matters)] == [
        "the last roster of hr does not count any more (nobody signed a): have HR send a new one"
    ]


def showing(account: str, kind: str, *hosts: str, enters: str = "yes", **changes: object) -> Review:
    """Return what the hosts showed, one more account among it."""
    like = SEEN.rows[0]
    has = like.has.model_copy(update={"enters": enters})
    rows = [like.model_copy(update={"account": account, "kind": kind, "host": host, "has": has}) for host in hosts]
    return SEEN.model_copy(update={"rows": (*SEEN.rows, *rows), **changes})


EVERYBODY = roster(*named("hana", "jisoo", "minho", "sora", "yeon"))


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        (frozenset[str](), showing("eve", "stranger", "app1", "db1")),
        (frozenset({"eve"}), showing("eve", "person", "app1", "db1")),
    ],
    ids=["an account that policy does not know", "somebody who left"],
)
def test_whoever_gets_in_on_a_host_is_found_whatever_policy_says(
    policy: Policy, left: frozenset[str], shown: Review
) -> None:
    """Once, with all the hosts where the last look showed it; not where HR names them, by whatever name."""
    told = "eve gets in on app1, db1, and HR's roster of 2026-11-26 does not name them"
    assert found(policy, left, [EVERYBODY], shown) == [f"{told}: offboard them, or take the account away"]
    assert found(policy, left, [EVERYBODY, roster(*named("eve"))], shown) == []
    assert found(policy, left, [], shown) == []


@pytest.mark.parametrize(
    ("kind", "enters"), [("automation", "yes"), ("system", "yes"), ("sentinel", "yes"), ("stranger", "no")]
)
def test_what_is_no_person_or_does_not_get_in_is_no_finding(policy: Policy, kind: str, enters: str) -> None:
    assert found(policy, frozenset(), [EVERYBODY], showing("x", kind, "app1", enters=enters)) == []


def test_hosts_that_nobody_looked_at_are_findings_of_their_own(policy: Policy) -> None:
    """Never, too long ago, or one of them did not answer: then who gets in there is not known."""
    old = SEEN.model_copy(update={"at": "2026-10-21T09:00:00+00:00"})
    blind = SEEN.model_copy(update={"left_out": ("log1",), "unseen": {"db1": {"host": "x"}, "app1": {"sudo": "x"}}})

    assert found(policy, frozenset(), [EVERYBODY], None) == [
        "who gets in on the hosts was never looked at: run playbooks/audit.yml"
    ]
    assert found(policy, frozenset(), [EVERYBODY], old) == [
        "who gets in on the hosts was looked at last on 2026-10-21: run playbooks/audit.yml"
    ]
    assert found(policy, frozenset(), [EVERYBODY], blind) == [
        "who gets in on db1, log1 was not seen on 2026-11-26: run playbooks/audit.yml"
    ]
