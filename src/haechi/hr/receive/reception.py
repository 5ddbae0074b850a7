"""What is done with a message that has come in whole: verified, counted, and on the disk before it is answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from sqlalchemy import select

from haechi.evidence import canonical
from haechi.hr import database, sources
from haechi.hr.envelope import Envelope
from haechi.hr.inbox import Inbox
from haechi.hr.receive.config import ReceiverConfig
from haechi.hr.receive.rates import Rates
from haechi.hr.receive.scim.changes import Change
from haechi.hr.receive.scim.serving import Provider
from haechi.hr.signals import RefusedError
from haechi.hr.sources import scim
from haechi.hr.sources.secrets import Secrets
from haechi.policy.provisioning import Source, SourceKind


@dataclass(frozen=True)
class Reception:
    """The receiver without HTTP: everything here blocks, and raises ``RefusedError`` and ``UnavailableError``.

    ``sqlalchemy.exc.SQLAlchemyError`` means that nothing was kept.
    """

    config: ReceiverConfig
    secrets: Secrets
    inbox: Inbox
    directory: Provider
    rates: Rates

    def source(self, kind: SourceKind, name: str) -> Source:
        """Return a source that policy knows by this way in."""
        for source in self.config.sources:
            if (source.kind, source.name) == (kind, name):
                return source
        raise RefusedError(404, "no such source", f"there is no source of this name that speaks {kind}")

    def take(self, source: Source, message: Envelope) -> None:
        """Keep a message that is authentic and well formed; one that is kept already is no other answer."""
        envelope, _ = sources.accept(message, source, self.secrets, ZoneInfo(self.config.time_zone))
        self.rates.check_source(source.name)
        self.inbox.append(envelope)

    def check(self) -> None:
        """Raise ``sqlalchemy.exc.SQLAlchemyError`` where a database does not open."""
        for engine in (self.inbox.engine, self.directory.engine):
            with engine.connect() as connection:
                connection.execute(select(1))

    def admit(self, source: Source, token: str) -> None:
        """Refuse the digest of a bearer token that does not count, and whoever asks too often with one that does."""
        scim.authentic(token, source, self.secrets)
        self.rates.check_source(source.name)

    def scim(self, source: Source, token: str, request: ScimRequest) -> ScimResponse:
        """Answer a SCIM request that was admitted; what it changes is in the inbox first."""
        message = Envelope(
            source=source.name,
            kind=SourceKind.SCIM,
            received=datetime.now(UTC),
            body=b"",
            headers={scim.TOKEN: token},
            method=request.method,
            path=request.path,
        )

        def keep(change: Change) -> None:
            # Not the request's own body: providers send passwords and home addresses along.
            context = change.model_dump(mode="json", by_alias=True)
            told = replace(message, context=context, body=canonical.dumps(context))
            envelope, _ = sources.accept(told, source, self.secrets, ZoneInfo(self.config.time_zone))
            self.inbox.append(envelope)

        return self.directory.serve(source.name, request, keep)


def opened(config: ReceiverConfig) -> Reception:
    """Return the reception that a configuration describes, its tables made. Raises ``SQLAlchemyError``.

    On PostgreSQL the inbox's table is the control node's to make: the receiver's role can only append.
    """
    inbox = Inbox(database.engine(config.inbox))
    if inbox.engine.dialect.name == "sqlite":
        inbox.create()
    directory = Provider(database.engine(f"sqlite:///{config.resources}"))
    directory.create()
    return Reception(config, Secrets(config.secrets, config.signers), inbox, directory, Rates(config.limits))
