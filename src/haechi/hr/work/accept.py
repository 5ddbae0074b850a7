"""From an envelope to the ledger, in one transaction: the message, what follows from it, and the engine's job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from haechi.hr.engine import Engine
from haechi.hr.envelope import Envelope
from haechi.hr.ledger import Ledger, Transaction, events, hosts, matters, revocations, views
from haechi.hr.ledger.states import EventState, RevocationState
from haechi.hr.signals import Reading, RefusedError
from haechi.hr.work import decide
from haechi.hr.work.decide import Decision, Sight

Read = Callable[[Envelope], Reading]
"""Verifies a message again, at the time it was received. Raises ``RefusedError``, and ``UnavailableError``."""


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What became of a message. ``new`` is false for one that was in the ledger already; ``refused`` says why."""

    event: int
    new: bool
    refused: str = ""


def accept(ledger: Ledger, engine: Engine, envelope: Envelope, read: Read, sight: Sight) -> Accepted:
    """Verify a message again and write what follows; durable when this returns. The same message counts once.

    Raises ``UnavailableError`` and ``LedgerError``; then nothing was written.
    """
    if (number := ledger.read(events.known, envelope.id)) is not None:
        return Accepted(event=number, new=False)
    try:
        reading = read(envelope)
    except RefusedError as error:
        return ledger.write(_refuse, envelope, f"{error.title}: {error.detail}")
    return ledger.write(_accept, engine, envelope, reading, sight)


def _refuse(transaction: Transaction, envelope: Envelope, why: str) -> Accepted:
    if (number := events.known(transaction, envelope.id)) is not None:
        return Accepted(event=number, new=False)
    return Accepted(event=events.append(transaction, envelope, EventState.REFUSED, why), new=True, refused=why)


def _accept(transaction: Transaction, engine: Engine, envelope: Envelope, reading: Reading, sight: Sight) -> Accepted:
    # Another controller may have been quicker since the first look.
    if (number := events.known(transaction, envelope.id)) is not None:
        return Accepted(event=number, new=False)
    decision = _decided(transaction, envelope.source, reading, sight)
    number = events.append(transaction, envelope, EventState.ACCEPTED, decision.why, reading.issued)
    _write(transaction, engine, decision, number, sight)
    return Accepted(event=number, new=True)


def _decided(transaction: Transaction, source: str, reading: Reading, sight: Sight) -> Decision:
    newest = events.last_issued(transaction, source) if reading.issued is not None else None
    if reading.issued is not None and newest is not None and reading.issued <= newest:
        return Decision(why=f"nothing follows: there is a roster of {newest.isoformat()} already, and this is no newer")
    asked = decide.wishes(reading, sight, transaction.now)
    window = transaction.now - timedelta(minutes=sight.breaker.window_minutes)
    known = decide.Known(
        now=transaction.now,
        standing=views.standing(transaction, {wish.person for wish in asked.leavings}),
        asked=views.asked_since(transaction, window) if asked.leavings else frozenset(),
    )
    return decide.decide(asked, known, sight, reading.warnings)


def _write(transaction: Transaction, engine: Engine, decision: Decision, event: int, sight: Sight) -> None:
    # An empty policy is no site, whatever it had before: that is refused, and the message waits.
    targets = hosts.seen(transaction, sight.hosts) if decision.begins and sight.hosts else ()
    for asked in decision.begins:
        number = revocations.begin(transaction, asked, event, targets)
        if asked.state is RevocationState.OPEN:
            engine.submit(transaction.connection, number)
    for sooner in decision.hastens:
        revocations.hasten(transaction, sooner.number, sooner.act, sooner.effective)
        engine.submit(transaction.connection, sooner.number)
    for matter in decision.matters:
        matters.open_matter(transaction, matter.kind, matter.about, event)
