"""Once a day: whoever has access, and whom HR's last roster does not name. A finding for people; nobody is put out.

A roster is acted upon when it comes in (`haechi.hr.work.decide`). What is found here came after it: somebody was let in
whom HR does not employ, or nobody could tell who is meant. Access is what policy gives, and what the hosts showed when
they were looked at last, whatever policy says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select

from haechi.hr.envelope import Envelope
from haechi.hr.ledger import Ledger, Transaction, matters, views
from haechi.hr.ledger.states import EventState
from haechi.hr.ledger.tables import EVENT
from haechi.hr.signals import RefusedError, Subject
from haechi.hr.work.accept import Read
from haechi.hr.work.decide import Sight
from haechi.policy.models import Identity, Kind, Policy, State
from haechi.policy.provisioning import SourceKind
from haechi.policy.resolve import day_of, out_of_time
from haechi.review.model import Review

KIND = matters.UNMATCHED
PEOPLE = {"person", "stranger"}
# HR's own month: a roster that is older says little about today.
STALE = timedelta(days=35)


@dataclass(frozen=True, kw_only=True)
class Roster:
    """Whom HR employed at a moment, as one source said."""

    source: str
    issued: datetime
    people: tuple[Subject, ...]


def findings(
    policy: Policy, left: frozenset[str], rosters: Sequence[Roster], shown: Review | None, now: datetime
) -> list[str]:
    """Return a line for everybody with access whom no roster names, and for what is too old to say.

    ``rosters`` are the last ones of each source; without any there is nothing to compare with, and nothing is found.
    ``shown`` is what the hosts showed last, None where nobody looked.
    """
    if not rosters:
        return []
    ids = {row.hr_id for roster in rosters for row in roster.people if row.hr_id is not None}
    names = {row.user_name for roster in rosters for row in roster.people if row.user_name is not None}
    newest = max(roster.issued for roster in rosters)
    missing = [row for row in _with_access(policy, left, day_of(now)) if row.hr_id not in ids and row.id not in names]
    told = {row.id for row in missing}
    hr_ids = {row.id: row.hr_id for row in policy.identities}
    inside = {who: hosts for who, hosts in _inside(shown).items() if not {who, hr_ids.get(who)} & (ids | names | told)}
    return [
        *(f"{row.id} has access, and HR's roster of {newest:%Y-%m-%d} {_why(row)}" for row in missing),
        *(
            f"{who} gets in on {', '.join(hosts)}, and HR's roster of {newest:%Y-%m-%d} does not name them:"
            " offboard them, or take the account away"
            for who, hosts in inside.items()
        ),
        *(
            f"the last roster of {roster.source} is of {roster.issued:%Y-%m-%d}: have HR send a new one"
            for roster in rosters
            if now - roster.issued > STALE
        ),
        *_unseen(shown, now),
    ]


def _inside(shown: Review | None) -> dict[str, list[str]]:
    """Return the accounts of people, and those that nobody knows, which get in, each with the hosts where they do."""
    found: dict[str, list[str]] = {}
    for row in shown.rows if shown else ():
        if row.kind in PEOPLE and row.has.enters == "yes":
            found.setdefault(row.account, []).append(row.host)
    return found


def _unseen(shown: Review | None, now: datetime) -> Iterable[str]:
    """Yield what stands against the hosts' own word: what was not seen of them is not known to be shut."""
    if shown is None:
        yield "who gets in on the hosts was never looked at: run playbooks/audit.yml"
        return
    at = datetime.fromisoformat(shown.at)
    if now - at > STALE:
        yield f"who gets in on the hosts was looked at last on {at:%Y-%m-%d}: run playbooks/audit.yml"
    blind = sorted(
        {*shown.left_out, *(host for host, parts in shown.unseen.items() if {"host", "accounts"} & {*parts})}
    )
    if blind:
        yield f"who gets in on {', '.join(blind)} was not seen on {at:%Y-%m-%d}: run playbooks/audit.yml"


def _with_access(policy: Policy, left: frozenset[str], day: date) -> Iterable[Identity]:
    active = (row for row in policy.identities if row.kind is Kind.PERSON and row.state is State.ACTIVE)
    return (row for row in active if row.id not in left and row.jobs and out_of_time(row, day) is None)


def _why(row: Identity) -> str:
    if row.hr_id is None:
        return "cannot name them: give them an hr_id in policy"
    return f"does not name {row.hr_id}: ask HR, then offboard them or have the roster mended"


def reconcile(ledger: Ledger, sight: Sight, read: Read, shown: Review | None, now: datetime) -> int:
    """Lay what is new before people, and return how many matters that opened; to be called once a day.

    ``read`` verifies the last rosters again; ``shown`` is as `findings` takes it. Raises ``LedgerError`` and
    ``UnavailableError``.
    """
    rosters, faults = [], []
    for envelope in ledger.read(last_rosters):
        try:
            reading = read(envelope)
        except RefusedError as error:
            # Whoever signed it is no signer any more, for one.
            faults.append(
                f"the last roster of {envelope.source} does not count any more ({error}): have HR send a new one"
            )
            continue
        if reading.roster is not None and reading.issued is not None:
            rosters.append(Roster(source=envelope.source, issued=reading.issued, people=reading.roster))
    return ledger.write(_open, [*findings(sight.policy, sight.left.revoked(), rosters, shown, now), *faults])


def last_rosters(transaction: Transaction) -> tuple[Envelope, ...]:
    """Return the roster of each source that was made last, among those that the ledger believed."""
    query = select(EVENT).where(EVENT.c.kind == SourceKind.ROSTER, EVENT.c.state == EventState.ACCEPTED)
    rows = transaction.connection.execute(query.order_by(EVENT.c.issued)).mappings()
    names = ("id", "source", "received", "body", "headers", "context")
    newest = {row["source"]: {name: row[name] for name in names} for row in rows}
    return tuple(Envelope(kind=SourceKind.ROSTER, **row) for row in newest.values())


def _open(transaction: Transaction, found: Sequence[str]) -> int:
    """Open a matter for each line that never was one: what people settled stays settled until there is a new roster."""
    known = {row.about for row in views.matters(transaction, unsettled=False)}
    new = [about for about in found if about not in known]
    for about in new:
        matters.open_matter(transaction, KIND, about, None)
    return len(new)
