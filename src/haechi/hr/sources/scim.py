"""A change of a SCIM resource (RFC 7643, RFC 7644), as the receiver saw it: before and after.

A bearer token proves nothing to a third party: whoever has it, the receiver too, can say anything in its name. What
such a source can do is bounded by what follows from it: somebody is put out, nobody is let in.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from haechi.hr.envelope import Envelope
from haechi.hr.signals import Act, Reading, RefusedError, Signal, Subject
from haechi.hr.sources.secrets import Secrets
from haechi.policy.provisioning import Source
from haechi.policy.shape import Line

# Not a header of HTTP: the receiver puts the digest of the bearer token there.
TOKEN = "authorization-sha256"  # noqa: S105
HEADERS: tuple[str, ...] = (TOKEN,)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Person(_Part):
    """What is kept of a user, and no more."""

    id: Line
    external_id: Line | None = None
    user_name: Line | None = None
    employee_number: Line | None = None
    email: Line | None = None
    active: bool | None = None

    @property
    def works(self) -> bool:
        """Return whether the account is in use: nothing said means that it is (RFC 7643, section 4.1.1)."""
        return self.active is not False

    def subject(self) -> Subject:
        """Return whom this is about: an employee number is HR's own, an external id is the sender's."""
        return Subject(hr_id=self.employee_number or self.external_id, user_name=self.user_name, email=self.email)


class UserChange(_Part):
    """One change of one user."""

    resource: Literal["User"] = "User"
    id: Line
    version: Line
    before: Person | None = None
    after: Person | None = None


class GroupChange(_Part):
    """Who came into a group, and who is in it no more."""

    resource: Literal["Group"] = "Group"
    id: Line
    version: Line
    name: Line
    joined: tuple[Person, ...] = ()
    left: tuple[Person, ...] = ()


Change = Annotated[UserChange | GroupChange, Field(discriminator="resource")]
_CHANGE: TypeAdapter[UserChange | GroupChange] = TypeAdapter(Change)


def unique(envelope: Envelope) -> str:
    """Return the one name of a change: no version of a resource comes twice."""
    return "\0".join(str(envelope.context.get(name)) for name in ("id", "version")) + f"\0{envelope.method}"


def read(envelope: Envelope, source: Source, secrets: Secrets, at: datetime, zone: ZoneInfo) -> Reading:
    """Return what a change says, once its token counts. Raises ``RefusedError`` and as ``Secrets`` does."""
    del at, zone
    authentic(envelope.headers.get(TOKEN, ""), source, secrets)
    try:
        change = _CHANGE.validate_python(envelope.context)
    except ValidationError as error:
        raise RefusedError(422, "not a change", "the context is not that of a SCIM resource's change") from error
    return Reading(signals=_of_user(change) if isinstance(change, UserChange) else _of_group(change))


def authentic(token: str, source: Source, secrets: Secrets) -> None:
    """Refuse the digest of a token that does not count. Raises ``RefusedError`` (401) and as ``Secrets`` does."""
    given = token.encode()
    if not any(hmac.compare_digest(given, known.encode()) for known in secrets.tokens(source)):
        raise RefusedError(401, "not authentic", "send the bearer token of this source: Authorization: Bearer TOKEN")


def _of_user(change: UserChange) -> tuple[Signal, ...]:
    about = change.after or change.before
    if about is None:
        raise RefusedError(422, "not a change", "the context names no user, before or after")
    act, reason = _judged(change.before, change.after)
    return (Signal(act=act, subject=about.subject(), reason=reason),)


def _judged(before: Person | None, after: Person | None) -> tuple[Act, str]:
    was, works = before is not None and before.works, after is not None and after.works
    if was and not works:
        return Act.LEAVE, "SCIM: the user was deleted" if after is None else "SCIM: the user is active no more"
    if works and not was:
        return Act.JOIN, "SCIM: a user was created" if before is None else "SCIM: the user is active again"
    if works:
        return Act.MOVE, "SCIM: the user was changed"
    # A provider purges an account weeks after its end; by then the person may be back under another one.
    return Act.NOTE, "SCIM: a user who was not active was created, changed or deleted"


def _of_group(change: GroupChange) -> tuple[Signal, ...]:
    rows = ((change.joined, "came into"), (change.left, "left"))
    return tuple(
        Signal(act=Act.MOVE, subject=person.subject(), reason=f"SCIM: {verb} the group {change.name}")
        for people, verb in rows
        for person in people
    )
