"""Whose account on a host lies idle for longer than policy allows, by what the host itself has on record. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from haechi.observe.posture import Posture, UnknownError
from haechi.observe.sections import LastLogin
from haechi.policy.models import Identity, Kind, Policy, State
from haechi.policy.resolve import access_on, without

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Idle:
    """How long a person's account on a host was not used: counted from ``since``, for the reason in ``why``."""

    who: str
    since: date
    why: str
    days: int

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"{self.who}: {self.why} {self.since}, {self.days} days ago"


def idle(policy: Policy, host: str, posture: Posture, revoked: frozenset[str], day: date) -> tuple[Idle, ...]:
    """Return for each person who may log in on a host and has an account there how long it was not used.

    Raises ``UnknownError`` where logins are not recorded, or nobody knows since when an account is there.
    """
    there = {row.name for row in posture.accounts.rows}
    logins = {row.account: row for row in posture.logins.rows}
    since = day_number(posture.logins.since)
    people = [
        access.identity
        for access in access_on(policy, host, revoked)
        if access.identity.kind is Kind.PERSON and access.state is State.ACTIVE and access.login
    ]
    return tuple(_idle(who, logins, since, day) for who in people if who.id in there)


def asleep(found: tuple[Idle, ...], policy: Policy) -> tuple[Idle, ...]:
    """Return those who were away for longer than policy allows."""
    return tuple(row for row in found if row.days > policy.people.dormant_days)


def awake(
    policy: Policy, host: str, posture: Posture, revoked: frozenset[str], at: datetime
) -> tuple[Policy, frozenset[str]]:
    """Return the policy as it stands on a host, and whom the host rightly shut for disuse: they are disabled in it.

    Where nobody can tell, it is the policy itself, and nobody.
    """
    day = day_of(at)
    try:
        away = {row.who for row in asleep(idle(policy, host, posture, revoked, day), policy)}
        today = (day - EPOCH).days
        shut = {row.name for row in posture.accounts.rows if row.expires is not None and row.expires <= today}
    except UnknownError:
        return policy, frozenset()
    return without(policy, away & shut, day), frozenset(away & shut)


def day_of(at: datetime) -> date:
    """Return the day of a moment as hosts count: in UTC, like lastlog and shadow."""
    return at.astimezone(UTC).date()


def _idle(who: Identity, logins: Mapping[str, LastLogin], recorded: date, day: date) -> Idle:
    row = logins.get(who.id)
    if row is None:
        raise UnknownError(f"logins: nobody looked at {who.id}")
    made = None if row.made is None else day_number(row.made)
    if row.last is not None:
        counts: dict[str, date | None] = {"last login": day_number(row.last)}
    elif made is None and who.start is None:
        raise UnknownError(f"logins: {who.id} has no login on record, and since when there is an account is unknown")
    else:
        counts = {"no login since the account was made": made, "no login since logins are recorded": recorded}
    counts |= {"no login since the start of access": who.start}
    why, since = max(((why, since) for why, since in counts.items() if since is not None), key=lambda pair: pair[1])
    return Idle(who=who.id, since=since, why=why, days=(day - since).days)


def day_number(number: int) -> date:
    """Return the day of a number of days since 1970-01-01."""
    return EPOCH + timedelta(days=number)
