"""What follows from a message: whom it is about, what opens, what waits for a person. Pure.

Access is taken away on one authenticated message; it is never given here: a joiner or mover is laid before people,
and nothing that comes in late reopens what is shut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from haechi.hr.ledger import matters
from haechi.hr.ledger.revocations import UNENDED, Asked
from haechi.hr.ledger.states import RevocationState
from haechi.hr.ledger.views import Standing
from haechi.hr.signals import Act, Reading, Signal, Subject
from haechi.policy.models import Identity, Kind, Policy, State
from haechi.policy.provisioning import Breaker
from haechi.policy.resolve import day_of, out_of_time
from haechi.tombstones import Store

TAKES_AWAY = frozenset({Act.LEAVE, Act.FREEZE})
# Of a team of eight even one leaver is more than ten percent: a share counts from so many people on.
CROWD = 3


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What the worker sees of the site when it decides: policy as it stands, and who left."""

    policy: Policy
    left: Store
    hosts: tuple[str, ...]
    breaker: Breaker


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the ledger knows of those whom a message is about.

    ``standing`` are their leavings by person and epoch, ``asked`` everybody whose leaving was asked within the window.
    """

    now: datetime
    standing: Mapping[tuple[str, int], Standing]
    asked: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Matter:
    """What is laid before people."""

    kind: str
    about: str


@dataclass(frozen=True, kw_only=True)
class Wish:
    """That one person be put out; ``effective`` none means at once."""

    person: str
    act: Act
    reason: str
    effective: datetime | None


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a message says, in the site's own names: each person once."""

    leavings: tuple[Wish, ...] = ()
    matters: tuple[Matter, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Hasten:
    """A leaving on record that is asked for sooner, or for good."""

    number: int
    act: Act
    effective: datetime


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What is written: leavings that begin, leavings brought forward, matters, and words about the message itself."""

    begins: tuple[Asked, ...] = ()
    hastens: tuple[Hasten, ...] = ()
    matters: tuple[Matter, ...] = ()
    why: str = ""


def wishes(reading: Reading, sight: Sight, now: datetime) -> Wishes:
    """Return what a message asks for about people whom policy knows, and what it leaves open."""
    if reading.roster is not None:
        return _from_roster(reading.roster, sight, now)
    leavings: dict[str, Wish] = {}
    open_matters: list[Matter] = []
    for signal in reading.signals:
        found = _people(signal.subject, sight.policy)
        matter = _matter(signal, found, sight)
        if matter:
            open_matters.append(matter)
        elif signal.act in TAKES_AWAY:
            wish = _wish(signal, found[0])
            leavings[wish.person] = _stronger(leavings[wish.person], wish) if wish.person in leavings else wish
    return Wishes(leavings=tuple(leavings.values()), matters=tuple(open_matters))


def decide(asked: Wishes, known: Known, sight: Sight, warnings: Iterable[str] = ()) -> Decision:
    """Return what follows: whoever is asked for anew begins, and too many at once wait for a second person."""
    new, hastens, notes = [], [], list(warnings)
    for wish in asked.leavings:
        there = known.standing.get((wish.person, sight.left.epoch(wish.person)))
        if there is None:
            new.append(wish)
            continue
        notes.append(f"{wish.person}: asked for already, revocation {there.number} is {there.state}")
        if there.state in UNENDED:
            hastens.append(Hasten(number=there.number, act=wish.act, effective=wish.effective or known.now))
    paused = _over(sight.breaker, known.asked | {wish.person for wish in new}, _active(sight)) if new else ""
    begins = tuple(_asked(wish, known.now, sight, paused=bool(paused)) for wish in new)
    held = (Matter(kind=matters.BREAKER, about=_held(begins, paused)),) if paused else ()
    return Decision(begins=begins, hastens=tuple(hastens), matters=(*asked.matters, *held), why="; ".join(notes))


def _people(subject: Subject, policy: Policy) -> tuple[str, ...]:
    """Return whom a subject names: one person, or nobody, or several where its names disagree."""
    named = {
        row.id
        for row in policy.identities
        if row.kind is Kind.PERSON
        and ((subject.hr_id is not None and row.hr_id == subject.hr_id) or row.id == subject.user_name)
    }
    return tuple(sorted(named))


def _matter(signal: Signal, found: tuple[str, ...], sight: Sight) -> Matter | None:
    """Return what a signal leaves to people; None where it is clear, or asks for nothing."""
    who, act = _called(signal.subject), signal.act
    if act is Act.NOTE:
        return None
    if len(found) > 1:
        about = f"{act}: {who} names {' and '.join(found)} at once: mend hr_id in policy, then act by hand"
        return Matter(kind=matters.UNMATCHED, about=about)
    if act in TAKES_AWAY:
        about = f"{act}: {who} is nobody in policy: add the hr_id and send it again, or run offboard.yml by hand"
        return None if found else Matter(kind=matters.UNMATCHED, about=about)
    person = f"{found[0]} ({who})" if found else f"{who}, who is not in policy"
    if found and found[0] in sight.left.revoked():
        person += ", who left and stays out until somebody hires them again (onboard.yml -e rehire=true)"
    kind = matters.JOIN if act is Act.JOIN else matters.MOVE
    return Matter(kind=kind, about=f"{act}: {person}: {signal.reason}")


def _called(subject: Subject) -> str:
    names = {"hr_id": subject.hr_id, "user name": subject.user_name, "mail": subject.email}
    return ", ".join(f"{word} {name!r}" for word, name in names.items() if name is not None) or "a subject without name"


def _wish(signal: Signal, person: str) -> Wish:
    effective = None if signal.immediate else signal.effective
    return Wish(person=person, act=signal.act, reason=signal.reason, effective=effective)


def _stronger(one: Wish, other: Wish) -> Wish:
    """Return the two of one person as one: the sooner time, and to leave rather than to be frozen."""
    times = [wish.effective for wish in (one, other) if wish.effective is not None]
    chosen = other if one.act is Act.FREEZE else one
    effective = min(times) if len(times) == len((one, other)) else None
    return Wish(person=one.person, act=chosen.act, reason=chosen.reason, effective=effective)


def _from_roster(roster: tuple[Subject, ...], sight: Sight, now: datetime) -> Wishes:
    """Return who has access and is not in HR's list. Whom the list could not name is asked about, not put out."""
    ids = {row.hr_id for row in roster if row.hr_id is not None}
    names = {row.user_name for row in roster if row.user_name is not None}
    leavings, unsure = [], []
    for row in _with_access(sight, now):
        if row.hr_id in ids or row.id in names:
            continue
        if names or (ids and row.hr_id is not None):
            leavings.append(Wish(person=row.id, act=Act.LEAVE, reason="not in the roster of HR", effective=None))
        else:
            about = f"{row.id} has access, and the roster could not name them: give them an hr_id in policy"
            unsure.append(Matter(kind=matters.UNMATCHED, about=about))
    return Wishes(leavings=tuple(leavings), matters=tuple(unsure))


def _with_access(sight: Sight, now: datetime) -> Iterator[Identity]:
    left, day = sight.left.revoked(), day_of(now)
    for row in sight.policy.identities:
        active = row.kind is Kind.PERSON and row.state is State.ACTIVE
        if active and row.id not in left and out_of_time(row, day) is None:
            yield row


def _active(sight: Sight) -> int:
    return sum(row.kind is Kind.PERSON and row.state is State.ACTIVE for row in sight.policy.identities)


def _over(breaker: Breaker, people: frozenset[str], active: int) -> str:
    """Return in words what limit so many people are over; nothing where they are not."""
    count = len(people)
    asked = f"{count} people were asked for within {breaker.window_minutes} minutes"
    if count > breaker.people:
        return f"{asked}, more than {breaker.people}"
    if count >= CROWD and count * 100 > breaker.percent * active:
        return f"{asked}, more than {breaker.percent} % of {active}"
    return ""


def _held(begins: tuple[Asked, ...], limit: str) -> str:
    return f"{limit}: held back are {', '.join(sorted(row.person for row in begins))}"


def _asked(wish: Wish, now: datetime, sight: Sight, *, paused: bool) -> Asked:
    effective = wish.effective or now
    state = RevocationState.WAITING if effective > now else RevocationState.OPEN
    return Asked(
        person=wish.person,
        epoch=sight.left.epoch(wish.person),
        act=wish.act,
        reason=wish.reason,
        effective=effective,
        state=RevocationState.PAUSED if paused else state,
    )
