"""A worker whose parts are played: no host, no clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event

from sqlalchemy import Connection

from haechi.hr.engine import Handler
from haechi.hr.envelope import Envelope
from haechi.hr.inbox import Row
from haechi.hr.ledger.views import RevocationView
from haechi.hr.signals import Act, Reading, RefusedError, Signal, Subject, UnavailableError
from haechi.hr.work.decide import Sight
from haechi.hr.work.order import HostResult, Order, Outcome, Seen
from haechi.hr.work.ports import WitnessError
from haechi.hr.work.worker import Terms, Worker
from haechi.policy.models import Identity, Policy
from haechi.policy.provisioning import Breaker
from haechi.tombstones import Store
from tests.unit.hr.ledger.build import Book, envelope

HOSTS = ("web1", "db1")


@dataclass
class Submitted:
    """An engine that only remembers."""

    numbers: list[int] = field(default_factory=list)

    def submit(self, connection: Connection, revocation: int) -> None:
        """Remember."""
        assert connection.in_transaction()
        self.numbers.append(revocation)

    def work(self, handler: Handler, stopped: Event) -> None:
        """Work off what was submitted, once."""
        for number in self.numbers:
            handler(number)
        stopped.wait()


def all_proven(order: Order, _cancelled: Event) -> Outcome:
    """Return that every host is proven."""
    return Outcome(hosts={host: HostResult(seen=Seen.PROVEN) for host in order.hosts})


@dataclass
class Played:
    """An executor that does what it is told and keeps the orders."""

    does: Callable[[Order, Event], Outcome] = all_proven
    orders: list[Order] = field(default_factory=list)

    def carry_out(self, order: Order, cancelled: Event) -> Outcome:
        """Keep the order, and do as told."""
        self.orders.append(order)
        return self.does(order, cancelled)


@dataclass
class Kept:
    """A witness; ``full`` says for what the disk has no room."""

    full: str = ""
    runs: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)

    def ran(self, revocation: int, order: Order, outcome: Outcome) -> None:
        """Keep a run."""
        del revocation, outcome
        self._room("run")
        self.runs.append(order.nonce)

    def closed(self, revocation: RevocationView) -> None:
        """Keep an end."""
        self._room("end")
        self.ends.append(revocation.person)

    def _room(self, what: str) -> None:
        if self.full == what:
            raise WitnessError("bundles: the disk is full: free space and run again")


@dataclass
class Post:
    """An inbox in memory."""

    rows: list[Row] = field(default_factory=list)

    def put(self, *envelopes: Envelope) -> None:
        """Append messages."""
        for one in envelopes:
            self.rows.append(Row(max((row.number for row in self.rows), default=0) + 1, one))

    def after(self, number: int, limit: int) -> Sequence[Row]:
        """Return what came after a number."""
        return [row for row in self.rows if row.number > number][:limit]

    def forget(self, up_to: int) -> int:
        """Forget up to a number."""
        before = len(self.rows)
        self.rows = [row for row in self.rows if row.number > up_to]
        return before - len(self.rows)


def says(act: Act, person: str, name: str | None = None) -> Envelope:
    """Return a message about a person; ``read`` understands it."""
    return envelope(name or f"{act} {person}", body=f"{act} {person}".encode())


def read(message: Envelope) -> Reading:
    """Return what ``says`` wrote; the words "forged" and "later" stand for what they say."""
    act, _, person = message.body.decode().partition(" ")
    if act == "forged":
        raise RefusedError(401, "not authentic", "the signature is not by a known key")
    if act == "later":
        raise UnavailableError("keys: cannot be fetched")
    return Reading(signals=(Signal(act=Act(act), subject=Subject(user_name=person), reason="resigned"),))


def sight(left: Store | None = None, hosts: tuple[str, ...] = HOSTS, limit: int = 100) -> Sight:
    """Return a policy of three people."""
    identities = tuple(Identity(id=who, name=who) for who in ("hana", "bora", "sora"))
    policy = Policy.model_construct(identities=identities)
    return Sight(policy=policy, left=left or Store(), hosts=hosts, breaker=Breaker(people=limit, percent=100))


def worker(book: Book, **parts: object) -> Worker:
    """Return a worker with played parts, or those given."""
    chosen: Mapping[str, object] = {
        "owner": "A",
        "ledger": book.ledger,
        "engine": Submitted(),
        "executor": Played(),
        "witness": Kept(),
        "inboxes": [],
        "read": read,
        "sight": sight,
        "watch": lambda: None,
        "terms": Terms(lease=30, grace=0.1, rest=0),
        **parts,
    }
    return Worker(**chosen)  # type: ignore[arg-type] # what a test gives
