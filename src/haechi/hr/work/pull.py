"""Where accepted envelopes wait: in a database at hand, or in that of the receiver in the dmz, read over SSH.

The receiver reaches nobody: the control node comes to it, and believes nothing that it says. What came from there is
held to its shape here, and verified again by `haechi.hr.work.accept`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from haechi import sent
from haechi.hr import database
from haechi.hr.envelope import read_document
from haechi.hr.inbox import Inbox, Row
from haechi.hr.work.ports import InboxError

MODULE_UTILS = Path(__file__).parents[4] / "plugins/module_utils"
PROGRAM = MODULE_UTILS / "hr/inbox.py"
# Of bodies in one answer, which is one line: asyncssh cuts those that are longer than its window of 2 MiB.
PART = 1024 * 1024
# No receiver takes a body that is larger (`haechi.hr.receive.config.Limits`).
LARGEST = 64 * 1024 * 1024
Ask = Callable[[Mapping[str, Any]], sent.Answer]


@dataclass(frozen=True)
class AtHand:
    """An inbox in a database that this machine opens by itself: SQLite of a local receiver, or PostgreSQL."""

    inbox: Inbox

    def after(self, number: int, limit: int) -> Sequence[Row]:
        """Return the first envelopes that came after a number, in order. Raises ``InboxError``."""
        try:
            return self.inbox.after(number, limit)
        except SQLAlchemyError as error:
            raise _away(self.inbox, error) from error

    def forget(self, up_to: int) -> int:
        """Remove the envelopes up to a number, and return how many they were. Raises ``InboxError``."""
        try:
            return self.inbox.forget(up_to)
        except SQLAlchemyError as error:
            raise _away(self.inbox, error) from error


def at_hand(where: Path | str | URL) -> AtHand:
    """Open the inbox at a path (SQLite) or the URL of a database, and make its table where there is none.

    Raises ``InboxError``.
    """
    url = URL.create("sqlite", database=str(where)) if isinstance(where, Path) else where
    found = AtHand(Inbox(database.engine(url)))
    try:
        found.inbox.create()
    except SQLAlchemyError as error:
        raise _away(found.inbox, error) from error
    return found


def _away(inbox: Inbox, error: SQLAlchemyError) -> InboxError:
    where = inbox.engine.url.render_as_string(hide_password=True)
    why = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    return InboxError(f"the inbox {where} cannot be read ({why}): see that it is there and the database runs")


@dataclass(frozen=True)
class OverSsh:
    """The inbox of the receiver. ``database`` is the path of its SQLite file on the host."""

    host: str
    database: str
    ask: Ask

    def after(self, number: int, limit: int) -> Sequence[Row]:
        """Return the first envelopes that came after a number, in order. Raises ``InboxError``."""
        told = self._told(do="after", number=number, limit=limit, bytes=PART)
        rows = told.get("rows")
        if not isinstance(rows, list) or len(rows) > limit:
            raise self._strange("no rows, or more than were asked for")
        found = [self._row(row) for row in rows]
        numbers = [number, *(row.number for row in found)]
        if sorted(set(numbers)) != numbers:
            raise self._strange("rows that are not in order")
        return found

    def forget(self, up_to: int) -> int:
        """Remove the envelopes up to a number, and return how many they were. Raises ``InboxError``."""
        gone = self._told(do="forget", number=up_to).get("gone")
        if not isinstance(gone, int):
            raise self._strange("no number of rows that are gone")
        return gone

    def _row(self, row: Any) -> Row:
        try:
            number, size, body = int(row.pop("number")), int(row.pop("size")), _bytes(row.pop("body"))
            # SQLite keeps times as text in UTC, without a zone (`haechi.hr.database.Utc`).
            envelope = read_document({**row, "received": f"{row['received']}Z", "body": ""})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._strange("a row that is no envelope") from error
        return Row(number, replace(envelope, body=self._whole(number, size, body)))

    def _whole(self, number: int, size: int, body: bytes) -> bytes:
        """Return a body with the parts that its first answer had no room for."""
        if not len(body) <= size <= LARGEST:
            raise self._strange(f"a body of {size} bytes")
        while len(body) < size:
            part = self._told(do="rest", number=number, offset=len(body), bytes=PART).get("body")
            try:
                more = _bytes(part)
            except (TypeError, ValueError) as error:
                raise self._strange("a part that is no base64") from error
            if not more or len(body) + len(more) > size:
                raise self._strange("a body that is not as long as it said")
            body += more
        return body

    def _told(self, **request: Any) -> Mapping[str, Any]:
        answer = self.ask({"database": self.database, **request})
        if answer.fault:
            raise InboxError(
                f"the inbox {self.host}:{self.database} cannot be read ({answer.fault}): see that the host is up, and"
                " that the role made the receiver there"
            )
        return answer.document

    def _strange(self, what: str) -> InboxError:
        return InboxError(
            f"{self.host} answered {what}: nothing was taken from it; look whether somebody has taken the receiver over"
        )


def over_ssh(inventory: Path, host: str, database_path: str) -> OverSsh:
    """Return the inbox on a host of the inventory, which is reached as every other is."""

    def ask(request: Mapping[str, Any]) -> sent.Answer:
        return sent.send(inventory, [host], PROGRAM, request)[host]

    return OverSsh(host, database_path, ask)


def _bytes(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
