"""A control: a named promise, the articles it serves, the judge that tells whether it holds, and a breaker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

from haechi.observe.observation import Observation
from haechi.observe.posture import Posture
from haechi.perimeter import matrix
from haechi.policy.models import Policy


class Status(StrEnum):
    """What may be said of a control; only ``PASS`` claims that it was seen to hold."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    MANUAL = "manual"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"
    WAIVED = "waived"


class Severity(StrEnum):
    """How bad it is when it does not hold; KISA's 상, 중, 하."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Scope(StrEnum):
    """What one verdict is about."""

    HOST = "host"
    PAIR = "pair"
    SITE = "site"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is said of one control on one subject, with what was seen and what was expected."""

    status: Status
    seen: str
    expected: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """All that a judge may look at. Asking ``posture`` for what was not seen raises ``UnknownError``.

    ``policy`` is as it stands on the host: whom the host rightly shut for disuse is disabled in it, and in ``asleep``.
    ``desired`` is the document of ``haechi.desired.build`` for the host. ``probes`` are those about the subject.
    """

    host: str
    policy: Policy
    desired: Mapping[str, Any]
    posture: Posture
    at: datetime
    revoked: frozenset[str] = frozenset()
    probes: tuple[Observation, ...] = ()
    asleep: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SiteCase:
    """What a judge of the whole site may look at: every host's posture that could be opened, by name.

    ``records`` are what people stood for, as the run read it from the evidence; ``probes`` are those about each host.
    """

    policy: Policy
    postures: Mapping[str, Posture]
    at: datetime
    revoked: frozenset[str] = frozenset()
    records: tuple[Observation, ...] = ()
    probes: Mapping[str, tuple[Observation, ...]] = field(default_factory=dict)

    @cached_property
    def matrix(self) -> matrix.Matrix:
        """Return the zone matrix that the probes amount to."""
        return matrix.read(self.policy, self.probes)


@dataclass(frozen=True, kw_only=True)
class Breaker:
    """How a control is made false on a real host.

    ``script`` runs as root in sh. ``mend`` is who makes it true again: the role, or for what only a person may judge
    ``undo``, a script too (which also runs, at the end, to take away what the role rightly leaves). ``touches`` names
    the state it changes: breakers that share none run at once on one host. ``also`` are controls that fail with it.
    ``releases``: Debian releases on which it can be broken; ``hosts``: those of the lab, where not all will do, or the
    machine of the role's own tests where the lab has none.
    ``@KEY:id@`` in a script stands for an identity's public key, ``@LEFT@`` for the id of somebody who left.
    ``where``: on the host, or on the control node, where ``$STATE`` is the site's state folder.
    """

    how: str
    script: str
    mend: Literal["role", "undo"] = "role"
    undo: str = ""
    touches: tuple[str, ...]
    also: tuple[str, ...] = ()
    releases: tuple[str, ...] = ("12", "13")
    hosts: tuple[str, ...] = ()
    where: Literal["host", "control"] = "host"


HostJudge = Callable[[Case], Verdict]
SiteJudge = Callable[[SiteCase], Verdict]


@dataclass(frozen=True, kw_only=True)
class Control:
    """A promise. Without a judge it is not automated, and ``reason`` says why (``status`` manual or not applicable)."""

    id: str
    title_ko: str
    title_en: str
    severity: Severity
    articles: tuple[str, ...]
    scope: Scope = Scope.HOST
    judge: HostJudge | None = None
    site_judge: SiteJudge | None = None
    breaker: Breaker | None = None
    status: Status | None = None
    reason: str = ""
    registers: tuple[str, ...] = field(default=())


def passed(seen: str, expected: str) -> Verdict:
    """Return a pass; ``seen`` must say what supports it."""
    return Verdict(status=Status.PASS, seen=seen, expected=expected)


def failed(seen: str, expected: str) -> Verdict:
    """Return a fail."""
    return Verdict(status=Status.FAIL, seen=seen, expected=expected)


def not_here(seen: str, expected: str) -> Verdict:
    """Return that the control says nothing about this subject, and why in ``seen``."""
    return Verdict(status=Status.NOT_APPLICABLE, seen=seen, expected=expected)


def none_of(bad: list[str], expected: str, looked_at: str) -> Verdict:
    """Return a fail that names what is bad (the first ten), or a pass that says what was looked at."""
    if not bad:
        return passed(looked_at, expected)
    more = f" and {len(bad) - 10} more" if len(bad) > 10 else ""  # noqa: PLR2004
    return failed(", ".join(bad[:10]) + more, expected)
