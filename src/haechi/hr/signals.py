"""What a verified message says about people: the one language between the sources and the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Act(StrEnum):
    """What a message asks for. Access is taken away on one authenticated signal, and given by people alone."""

    LEAVE = "leave"
    """The employment ended: every door closes for good."""
    FREEZE = "freeze"
    """Something is wrong with the account or its keys: every door closes until somebody reopens it."""
    MOVE = "move"
    """Another job: shown to people, who change policy."""
    JOIN = "join"
    """A new or returning person: shown to people, never a grant; it never reopens a leaver."""
    NOTE = "note"
    """Kept and shown; nothing follows from it."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Whom a message is about, in the sender's words; who that is in policy is decided by the worker."""

    hr_id: str | None = None
    user_name: str | None = None
    email: str | None = None


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One thing to do about one person. ``effective`` is aware of its zone; ``immediate`` overrides it."""

    act: Act
    subject: Subject
    reason: str
    effective: datetime | None = None
    immediate: bool = False


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one message says: signals, or with ``roster`` everybody whom HR employs at the moment.

    ``issued`` is when a roster was made, by its own word: one that is not younger than the last one says nothing.
    """

    signals: tuple[Signal, ...] = ()
    roster: tuple[Subject, ...] | None = None
    issued: datetime | None = None
    warnings: tuple[str, ...] = field(default=())


class RefusedError(Exception):
    """The message is not accepted; nothing follows from it.

    ``status`` is what HTTP answers (4xx), ``title`` names the kind of fault, the text says what is wrong and how to
    mend it (RFC 9457). It never repeats a secret.
    """

    def __init__(self, status: int, title: str, detail: str) -> None:
        """Take what is answered."""
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail


class UnavailableError(Exception):
    """The message cannot be judged at the moment, for want of a key or a secret: it is neither accepted nor refused.

    Whoever sent it is asked to send it again; whoever keeps it tries again. The text says what is missing.
    """
