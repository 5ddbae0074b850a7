"""Everybody whom HR employs, in one file that a person of policy signed with an SSH key.

    issued,2026-11-26T09:00:00+09:00
    hr_id,user_name,email,status
    E1007,hana,hana@example.com,active

or the same as JSON: ``{"issued": .., "people": [{"hr_id": ..}, ..]}``. ``issued`` is when it was made: a roster that is
not younger than the last one is a replay. ``status`` is active (also when left out) or on_leave for whom HR employs,
and left, terminated or inactive for whom it does not.

Signed by ``ssh-keygen -Y sign -n haechi-roster -f KEY FILE`` (ssh-keygen(1)). Over HTTP the header ``roster-signature``
holds FILE.sig in base64: ``base64 -w0 FILE.sig``.
"""

from __future__ import annotations

import base64
import binascii
import csv
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from haechi import sshsig
from haechi.hr.envelope import Envelope
from haechi.hr.signals import Reading, RefusedError, Subject, UnavailableError
from haechi.hr.sources import plainjson, words
from haechi.hr.sources.secrets import Secrets
from haechi.policy.provisioning import Source
from haechi.policy.shape import Model

SIGNATURE = "roster-signature"
HEADERS: tuple[str, ...] = (SIGNATURE,)
NAMESPACE = "haechi-roster"
TITLE = "not a roster"
COLUMNS = ("hr_id", "user_name", "email", "status")
MOST = 100_000

# A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection"), and we write such lists too.
Cell = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^=+\-@\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")
]


class Status(StrEnum):
    """What HR says of somebody."""

    ACTIVE = "active"
    ON_LEAVE = "on_leave"
    LEFT = "left"
    TERMINATED = "terminated"
    INACTIVE = "inactive"


EMPLOYED = {Status.ACTIVE, Status.ON_LEAVE}


class Row(Model):
    """One person of a roster."""

    hr_id: Cell
    user_name: Cell | None = None
    email: Cell | None = None
    status: Status = Status.ACTIVE


class Roster(Model):
    """A roster as JSON says it."""

    issued: Cell
    people: Annotated[tuple[Row, ...], Field(max_length=MOST)]


_ROWS: TypeAdapter[tuple[Row, ...]] = TypeAdapter(tuple[Row, ...])


def unique(envelope: Envelope) -> str:
    """Return the one name of a roster: its digest."""
    return envelope.sha256


def read(envelope: Envelope, source: Source, secrets: Secrets, at: datetime, zone: ZoneInfo) -> Reading:
    """Return everybody whom a roster names as employed, once its signature holds.

    Raises ``RefusedError`` and ``UnavailableError``.
    """
    _authentic(envelope, source, secrets)
    try:
        roster = _json(envelope.body) if envelope.body.lstrip()[:1] == b"{" else _csv(envelope.body)
        issued = words.near(words.moment(roster.issued, zone), at)
    except ValidationError as error:
        raise _refused(_first(error)) from error
    except (ValueError, OverflowError) as error:
        raise _refused(f"issued: {error}") from error
    if issued > at + words.SKEW:
        raise _refused("issued: it is in the future: check the clock")
    return Reading(roster=tuple(_employed(roster.people)), issued=issued)


def _authentic(envelope: Envelope, source: Source, secrets: Secrets) -> None:
    try:
        signature = base64.b64decode(envelope.headers.get(SIGNATURE, ""), validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    if not signature:
        raise RefusedError(401, "not signed", f"send {SIGNATURE}: the base64 of what ssh-keygen -Y sign wrote")
    try:
        signed = any(
            sshsig.verified(envelope.body, signature, NAMESPACE, person, keys)
            for person, keys in secrets.signers(source).items()
            if keys
        )
    except sshsig.SignatureError as error:
        raise UnavailableError(str(error)) from error
    if not signed:
        why = f"{SIGNATURE} is not that of a signer of this source over this very roster for {NAMESPACE}"
        raise RefusedError(401, "not authentic", why)


def _employed(people: tuple[Row, ...]) -> Iterator[Subject]:
    if not people:
        raise _refused("it is empty: a site without anybody is a mistake")
    seen: dict[str, int] = {}
    for number, row in enumerate(people, 1):
        if row.hr_id in seen:
            raise _refused(f"person {number} has the hr_id of person {seen[row.hr_id]}: keep one of the two")
        seen[row.hr_id] = number
    employed = [row for row in people if row.status in EMPLOYED]
    if not employed:
        raise _refused("it names nobody as employed: a site without anybody is a mistake")
    for row in employed:
        yield Subject(hr_id=row.hr_id, user_name=row.user_name, email=row.email)


def _json(body: bytes) -> Roster:
    return Roster.model_validate(plainjson.read_object(body))


def _csv(body: bytes) -> Roster:
    rows = _lines(body)
    first, names = next(rows, []), next(rows, [])
    if len(first) < 2 or first[0] != "issued" or any(first[2:]):  # noqa: PLR2004
        raise _refused("its first line is not `issued,TIME`")
    if "hr_id" not in names or len(set(names)) != len(names) or not set(names) <= set(COLUMNS):
        raise _refused(
            f"its second line does not name the columns: hr_id, and of {', '.join(COLUMNS[1:])} what you have"
        )
    people = [_named(names, row, number) for number, row in enumerate(rows, 3)]
    return Roster(issued=first[1], people=_ROWS.validate_python(people))


def _lines(body: bytes) -> Iterator[list[str]]:
    """Yield the cells of each line that has any, without a byte order mark, which Excel writes."""
    try:
        text = body.decode("utf-8-sig")
        for number, row in enumerate(csv.reader(text.splitlines(), strict=True)):
            if number > MOST:
                raise _refused(f"it has more than {MOST} lines")
            if row:
                yield [cell.strip() for cell in row]
    except UnicodeDecodeError as error:
        raise _refused("it is not UTF-8 text: save it as CSV UTF-8") from error
    except csv.Error as error:
        raise _refused(f"it is no CSV: {error}") from error


def _named(names: list[str], row: list[str], number: int) -> dict[str, str]:
    if len(row) != len(names):
        raise _refused(f"line {number} has {len(row)} cells where {len(names)} are named")
    return {name: cell for name, cell in zip(names, row, strict=True) if cell}


def _refused(why: str) -> RefusedError:
    return RefusedError(422, TITLE, f"the roster is not taken: {why}")


def _first(error: ValidationError) -> str:
    row = error.errors(include_url=False, include_input=False)[0]
    place = [part + 1 if isinstance(part, int) else part for part in row["loc"] if part != "people"]
    return f"person {' '.join(map(str, place))}: {row['msg']}"
