"""Where `haechi hr` works: a site's policy, its state folder, its ledger and its engine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from haechi import policy as policies
from haechi import tombstones
from haechi.evidence import files
from haechi.grant.desk import Desk
from haechi.hr import sources
from haechi.hr.console import ConsoleError
from haechi.hr.engine import Engine
from haechi.hr.engine.embedded import Embedded
from haechi.hr.envelope import Envelope
from haechi.hr.ledger import Ledger, open_ledger
from haechi.hr.signals import Reading, RefusedError, UnavailableError
from haechi.hr.sources.secrets import Secrets
from haechi.hr.work.decide import Sight
from haechi.policy.models import Kind, Policy
from haechi.policy.provisioning import Hr
from haechi.policy.resolve import day_of, keys_of, managed, on_day


@dataclass(frozen=True, kw_only=True)
class Place:
    """One site. ``folder`` is the service's part of the state folder."""

    inventory: Path
    policy: Policy
    hr: Hr
    state: Path
    ledger: Ledger
    engine: Engine

    @property
    def folder(self) -> Path:
        """Return where the service keeps what is its own."""
        return self.state / "hr"

    @property
    def names(self) -> dict[str, str]:
        """Return the display names of policy by id."""
        return {who.id: who.name for who in self.policy.identities}

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone that times are shown in."""
        return ZoneInfo(self.hr.time_zone)

    def desk(self) -> Desk:
        """Return by what signatures of people are judged. Raises ``ConsoleError`` and ``TombstoneError``."""
        if policies.load(self.inventory).errors:
            raise ConsoleError(f"{self.inventory}: policy says who may sign, and has errors: run `haechi validate`")
        left = tombstones.revoked(self.state)
        return Desk(state=self.state, policy=self.policy, revoked=left, inventory=self.inventory)

    def sight(self) -> Sight:
        """Return what a decision sees of the site now. Raises ``UnavailableError``."""
        policy = _policy(self.inventory)
        if policy is None or policy.hr is None:
            raise UnavailableError(f"{self.inventory}: no policy to decide by: run `haechi validate`")
        try:
            left = tombstones.read(self.state)
        except tombstones.TombstoneError as error:
            raise UnavailableError(str(error)) from error
        return Sight(policy=policy, left=left, hosts=managed(policy), breaker=policy.hr.breaker)

    def secrets(self) -> Secrets:
        """Return what sources are verified by. People's keys are those of the day that counts when they are asked."""
        policy = on_day(self.policy, day_of(datetime.now(UTC)))
        people = {who.id: keys_of(policy, who) for who in policy.identities if who.kind is Kind.PERSON}
        return Secrets(self.folder / "secrets", people=people)

    def reader(self, secrets: Secrets) -> Reader:
        """Return what verifies an envelope again."""
        return Reader(self, secrets)


@dataclass(frozen=True)
class Reader:
    """Verifies envelopes by the sources of policy, as of when they were received."""

    place: Place
    secrets: Secrets

    def __call__(self, envelope: Envelope) -> Reading:
        """Return what an envelope says. Raises ``RefusedError`` and ``UnavailableError``."""
        source = next((one for one in self.place.hr.sources if one.name == envelope.source), None)
        if source is None:
            raise RefusedError(404, "no such source", f"policy has no source {envelope.source}")
        return sources.read(envelope, source, self.secrets, envelope.received, self.place.zone)


def at(inventory: Path) -> Place:
    """Return the place of an inventory, its ledger open.

    A policy with errors will do as far as it goes: a typo keeps no leaver inside. Raises ``ConsoleError``,
    ``EvidenceError``, ``LedgerError`` and ``EngineError``.
    """
    policy = _policy(inventory)
    if policy is None:
        raise ConsoleError(f"{inventory}: there is no policy to read: run `haechi validate -i {inventory}`")
    if policy.hr is None:
        raise ConsoleError(f"{inventory}: policy has no `hr`: add it as inventories/example does (docs/hr.md)")
    state = policies.state_dir(policy)
    files.folder(state / "hr")
    ledger = open_ledger(policy.hr.database or state / "hr/ledger.sqlite")
    engine = _engine(policy.hr, ledger, state)
    return Place(inventory=inventory.resolve(), policy=policy, hr=policy.hr, state=state, ledger=ledger, engine=engine)


def _policy(inventory: Path) -> Policy | None:
    loaded = policies.load(inventory)
    return loaded.usable if loaded.errors else loaded.policy


def _engine(hr: Hr, ledger: Ledger, state: Path) -> Engine:
    if hr.engine == "procrastinate":
        # Its import starts an event loop's machinery, which only sites with several controllers need.
        from haechi.hr.engine.procrastinate import Procrastinate  # noqa: PLC0415

        return Procrastinate(ledger)
    return Embedded(ledger, state / "hr/worker.lock")
