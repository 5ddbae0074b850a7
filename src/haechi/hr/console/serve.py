"""The service's parts put together: the worker, a receiver on this machine, the page. Each runs until told to end."""

from __future__ import annotations

import logging
import os
import socket
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from haechi.evidence import FOLDER
from haechi.hr.alerts import channels
from haechi.hr.alerts.watch import Watch
from haechi.hr.console import ConsoleError
from haechi.hr.console.place import Place
from haechi.hr.ledger import LedgerError
from haechi.hr.proof.witness import Bundles
from haechi.hr.receive.config import ReceiverConfig
from haechi.hr.signals import UnavailableError
from haechi.hr.status import doors
from haechi.hr.status import serve as page
from haechi.hr.status.app import Pages
from haechi.hr.work import pull, shown
from haechi.hr.work.poll import Poll
from haechi.hr.work.ports import InboxSource
from haechi.hr.work.reconcile import reconcile
from haechi.hr.work.rosters import RosterFolder
from haechi.hr.work.runner import RunnerExecutor
from haechi.hr.work.worker import Worker, stop_on_signals
from haechi.pki import automation
from haechi.policy.provisioning import SourceKind

LOG = logging.getLogger("haechi.hr")
ALERTS_KEY = "alerts"
# Where the role keeps the inbox of a receiver in front.
INBOX_IN_FRONT = "/var/lib/haechi-receive/inbox.sqlite"
# sd-daemon(3): what stands before a line in the journal of a unit.
PRIORITY = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6}


class _Lines(logging.Formatter):
    """Log lines as the journal takes them, or as a person at a terminal does."""

    def format(self, record: logging.LogRecord) -> str:
        line = " ".join(super().format(record).splitlines()) if record.exc_info is None else super().format(record)
        return f"<{PRIORITY.get(record.levelno, 5)}>{line}" if os.environ.get("JOURNAL_STREAM") else line


def to_journal() -> None:
    """Let everything that the service logs go to stderr, which is the journal of its unit."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # They name addresses with what is in them, and every step of theirs.
    for name in ("httpx", "procrastinate", "alembic", "asyncssh"):
        logging.getLogger(name).setLevel(logging.WARNING)


def work(place: Place) -> None:
    """Work until SIGTERM or SIGINT. Raises ``EngineError``, ``InboxError`` and ``ConsoleError``."""
    reader, rounds = place.reader(place.secrets()), Rounds(place, watch_of(place))
    # The first messages are fetched by it too.
    rounds.certify()
    worker = Worker(
        owner=f"{socket.gethostname()}:{os.getpid()}",
        ledger=place.ledger,
        engine=place.engine,
        executor=RunnerExecutor(place.inventory),
        witness=Bundles(
            site=place.policy.site.name,
            state=place.state,
            ledger=place.ledger,
            authority=place.hr.timestamp_authority,
        ),
        inboxes=inboxes(place),
        read=reader,
        sight=place.sight,
        watch=rounds.look,
    )
    LOG.info("working for %s with the engine %s", place.policy.site.name, place.hr.engine)
    worker.run(stop_on_signals())


@dataclass
class Rounds:
    """What the worker looks after beside its work: alerts and its certificate, and once a day whom HR does not name."""

    place: Place
    watch: Watch
    _reconciled: date | None = None
    _uncertified: str = ""

    def look(self) -> None:
        """Look once; raises nothing."""
        self.watch.look()
        self.certify()
        now = datetime.now(UTC)
        if self._reconciled == now.date():
            return
        try:
            seen = shown.last(self.place.state / FOLDER)
            reconcile(self.place.ledger, self.place.sight(), self.place.reader(self.place.secrets()), seen, now)
        except (LedgerError, UnavailableError) as error:
            LOG.error("who has access and is not in HR's list: %s; tried again", error)  # noqa: TRY400 -- words
        else:
            self._reconciled = now.date()

    def certify(self) -> None:
        """Have a certificate of the automation that counts: each host would report its bare key as an alarm."""
        try:
            policy = self.place.sight().policy
            why = automation.ensure(
                policy, self.place.state, self.place.inventory, pull.MODULE_UTILS, datetime.now(UTC)
            )
        except (OSError, UnavailableError) as error:
            why = f"no certificate for the automation: {error}"
        if why and why != self._uncertified:
            LOG.warning("%s", why)
        self._uncertified = why or self._uncertified


def inboxes(place: Place) -> tuple[InboxSource, ...]:
    """Return where messages wait: here or in the site's PostgreSQL, in front, at transmitters, in folders."""
    found: list[InboxSource] = [pull.at_hand(place.hr.database or place.folder / "inbox.sqlite")]
    if place.hr.receiver is not None and place.hr.database is None:
        found.append(pull.over_ssh(place.inventory, place.hr.receiver, INBOX_IN_FRONT))
    secrets = place.secrets()
    for source in place.hr.sources:
        if source.kind is SourceKind.SET and source.poll:
            found.append(Poll(source=source, secrets=secrets, zone=place.zone, token=secrets.folder / source.name))
        if source.kind is SourceKind.ROSTER and source.folder:
            folder = Path(source.folder).expanduser()
            found.append(RosterFolder(source=source, secrets=secrets, zone=place.zone, folder=folder))
    return tuple(found)


def watch_of(place: Place) -> Watch:
    """Return what tells people, by the channels of policy."""
    told = channels.of(place.hr.alerts, place.folder / "secrets" / ALERTS_KEY)
    return Watch(place.ledger, place.hr.sla, place.policy.site.name, told, place.folder)


def receiver(place: Place, where: page.Where) -> ReceiverConfig:
    """Return the configuration of a receiver on this machine itself. Raises ``ConsoleError``."""
    if where.certificate is None or where.key is None:
        raise ConsoleError("a receiver speaks TLS alone: give --cert and --key (openssl, or pki.leaves of policy)")
    inbox = place.hr.database or f"sqlite:///{place.folder / 'inbox.sqlite'}"
    secrets = place.secrets()
    return ReceiverConfig(
        address=where.host,
        port=where.port,
        certificate=where.certificate,
        key=where.key,
        inbox=inbox,
        resources=place.folder / "resources.sqlite",
        secrets=secrets.folder,
        sources=place.hr.sources,
        signers={name: keys for source in place.hr.sources for name, keys in secrets.signers(source).items()},
        time_zone=place.hr.time_zone,
    )


def show(place: Place, where: page.Where) -> None:
    """Serve the page until SIGTERM or SIGINT. Raises ``PageError`` and ``EvidenceError``."""
    site, folder = page.PolicySite(place.inventory, place.state), doors.folder(place.state)
    site()
    doors.metrics_token(folder)
    pages = Pages(ledger=place.ledger, site=site, place=folder, tls=where.certificate is not None)
    page.serve(pages, watch_of(place), where)


def link(place: Place, who: str, where: page.Where) -> str:
    """Return an address that lets one browser in as ``who``, once, within a minute. Raises ``ConsoleError``."""
    if who not in page.PolicySite(place.inventory, place.state)().may:
        raise ConsoleError(f"{who} is no active person of policy, so nobody could look under that name")
    token = doors.link(doors.folder(place.state), who, datetime.now(UTC))
    host = f"[{where.host}]" if ":" in where.host else where.host
    return f"{'https' if where.certificate else 'http'}://{host}:{where.port}/in/{token}"
