"""What is asked of whoever carries a revocation out, and what comes back: the port to ansible-runner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event
from typing import Any, Protocol


class Seen(StrEnum):
    """What was seen of one host; whatever is missing or not shown is ``UNKNOWN``, never proven."""

    PROVEN = "proven"
    """Denied as `haechi.offboard` defines it: accepted before, refused now, confirmed by the host, canary accepted."""
    APPLIED = "applied"
    """The host says that its doors are shut; the proof is not complete."""
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Order:
    """One run: put a person out of some hosts. ``nonce`` comes back with every result that counts."""

    person: str
    hosts: tuple[str, ...]
    nonce: str
    unknown: bool = False


@dataclass(frozen=True, kw_only=True)
class HostResult:
    """One host's result; ``reasons`` say what stands against proven, ``seconds`` count from the run's start."""

    seen: Seen
    reasons: tuple[str, ...] = ()
    shut_s: float | None = None
    proven_s: float | None = None
    record: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run came to: a result for each host that gave one with the order's nonce, and the run's own record.

    A host of the order that is missing in ``hosts`` counts as unknown. ``fault`` says why the run itself failed.
    """

    hosts: Mapping[str, HostResult]
    document: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""


class Executor(Protocol):
    """Carries orders out; blocks until the run ended and left no process behind."""

    def carry_out(self, order: Order, cancelled: Event) -> Outcome:
        """Run; ``cancelled`` is set when the lease was lost: end the run at once and return what is known."""
