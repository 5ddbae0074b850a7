"""A small site for whole processes: people, three hosts, and an HR system that signs its messages."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from haechi.hr import sources
from haechi.hr.database import engine
from haechi.hr.engine import Engine
from haechi.hr.engine.embedded import Embedded
from haechi.hr.engine.procrastinate import Procrastinate
from haechi.hr.envelope import Envelope
from haechi.hr.inbox import Inbox
from haechi.hr.ledger import Ledger
from haechi.hr.signals import Reading
from haechi.hr.sources import webhook
from haechi.hr.sources.secrets import Secrets, key_of
from haechi.hr.work.decide import Sight
from haechi.policy.models import Identity, Policy
from haechi.policy.provisioning import Breaker, Source, SourceKind
from haechi.tombstones import Store

HOSTS = ("web1", "db1", "log1")
SOURCE = Source(name="hr", kind=SourceKind.WEBHOOK)
ZONE = ZoneInfo("Asia/Seoul")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a process of the tests is told: JSON on its command line, without anything secret."""

    folder: Path
    where: str
    engine: str
    owner: str = "A"
    people: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    crash: tuple[str, str] = ("never", "before")
    slow_s: int = 0
    lease_s: float = 4

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), default=str)

    @property
    def ledger(self) -> Path | str:
        """Return where the ledger is."""
        return self.where if self.where.startswith("postgresql:") else Path(self.where)


def read_setup(text: str) -> Setup:
    """Return what ``text`` wrote."""
    raw = json.loads(text)
    lists = {name: tuple(raw[name]) for name in ("people", "down", "crash")}
    return Setup(**{**raw, **lists, "folder": Path(raw["folder"])})


def prepare(folder: Path) -> None:
    """Make what the processes share: the key of the webhook, and an empty inbox."""
    (folder / "secrets").mkdir(parents=True)
    (folder / "secrets/hr").write_text(f"whsec_{base64.b64encode(os.urandom(32)).decode()}\n")
    inbox(folder).create()


def inbox(folder: Path) -> Inbox:
    """Return the inbox."""
    return Inbox(engine(f"sqlite:///{folder}/inbox.sqlite"))


def engine_of(setup: Setup, ledger: Ledger) -> Engine:
    """Return the engine that a setup names."""
    return Procrastinate(ledger) if setup.engine == "procrastinate" else Embedded(ledger, setup.folder / "worker.lock")


def message(folder: Path, person: str, event: str = "leave", name: str | None = None) -> Envelope:
    """Return what the HR system sends about somebody, signed; ``name`` is the same for the same message."""
    key = key_of((folder / "secrets/hr").read_text().strip())
    now, name = datetime.now(UTC), name or f"{event}-{person}"
    body = json.dumps({"event": event, "user_name": person, "reason": "a test"}).encode()
    signature = webhook.sign(key, name, int(now.timestamp()), body)
    headers = {webhook.ID: name, webhook.TIMESTAMP: str(int(now.timestamp())), webhook.SIGNATURE: signature}
    return Envelope(source=SOURCE.name, kind=SOURCE.kind, received=now, body=body, headers=headers)


def received(folder: Path, sent: Envelope) -> Envelope:
    """Return a message as the receiver keeps it."""
    return sources.accept(sent, SOURCE, Secrets(folder / "secrets"), ZONE)[0]


@dataclass(frozen=True)
class Reader:
    """Verifies again, as the worker does."""

    folder: Path
    secrets: Secrets = field(init=False)

    def __post_init__(self) -> None:
        """Find the key."""
        object.__setattr__(self, "secrets", Secrets(self.folder / "secrets"))

    def __call__(self, envelope: Envelope) -> Reading:
        """Return what a message says."""
        return sources.read(envelope, SOURCE, self.secrets, envelope.received, ZONE)


def sight(people: tuple[str, ...], breaker: Breaker | None = None, hosts: tuple[str, ...] = HOSTS) -> Sight:
    """Return a policy of these people, whose breaker lets everybody go on unless one is given."""
    identities = tuple(Identity(id=person, name=person, hr_id=f"E-{person}") for person in people)
    policy = Policy.model_construct(identities=identities)
    return Sight(policy=policy, left=Store(), hosts=hosts, breaker=breaker or Breaker(people=1000, percent=100))
