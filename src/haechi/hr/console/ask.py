"""An operator's own word: somebody must be out now, or what is open is tried again at once."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import uuid
from datetime import UTC, datetime

from haechi.hr.console.place import Place
from haechi.hr.envelope import Envelope, identifier
from haechi.hr.ledger import views
from haechi.hr.ledger.views import RevocationView
from haechi.hr.signals import Act, Reading, Signal, Subject
from haechi.hr.work import accept, desk
from haechi.policy.models import Kind
from haechi.policy.problems import did_you_mean
from haechi.policy.provisioning import SourceKind

CONSOLE = "console"


class AskError(Exception):
    """What was asked is refused; the text says why."""


def submit(place: Place, person: str, act: Act, reason: str) -> RevocationView:
    """Ask at once that a person be put out; return the leaving, which may have been asked for before.

    The account that runs this, and from where, stands in the record. Raises ``AskError``, ``LedgerError`` and
    ``UnavailableError``.
    """
    people = {who.id for who in place.policy.identities if who.kind is Kind.PERSON}
    if person not in people:
        raise AskError(f"{person} is no person of policy: {did_you_mean(person, people)}")
    by = asked_by()
    signal = Signal(
        act=act, subject=Subject(user_name=person), reason=f"{reason} (asked by {by} on the console)", immediate=True
    )
    said = {"event": act, "user_name": person, "reason": reason, "by": by, "immediate": True}
    envelope = Envelope(
        id=identifier(CONSOLE, str(uuid.uuid4())),
        source=CONSOLE,
        kind=SourceKind.WEBHOOK,
        received=datetime.now(UTC),
        body=json.dumps(said, ensure_ascii=False).encode(),
    )
    sight = place.sight()
    accept.accept(place.ledger, place.engine, envelope, lambda _: Reading(signals=(signal,)), sight)
    epoch = sight.left.epoch(person)
    return next(row for row in place.ledger.read(views.of_person, person) if row.epoch == epoch)


def retry(place: Place, number: int) -> int:
    """Make what is open of a leaving due at once, and return how many hosts those are. Raises ``LedgerError``."""
    return desk.retry(place.ledger, place.engine, number)


def asked_by() -> str:
    """Return who asks: the account, whoever became it by sudo, and the machine."""
    before = os.environ.get("SUDO_USER")
    return f"{getpass.getuser()}{f' (sudo: {before})' if before else ''} at {socket.gethostname()}"


def is_worked(place: Place) -> bool:
    """Return whether a worker of this machine holds the embedded engine's lock; of others it cannot be known."""
    if place.hr.engine != "embedded":
        return True
    try:
        handle = os.open(place.folder / "worker.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
