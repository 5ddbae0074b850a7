"""The section of a posture about the edge: what it did with requests that the look itself made."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from haechi.observe.shape import Section

# Of HTTP; 0 where there was no answer.
Status = Annotated[int, Field(ge=0, le=599)]


class Served(Section):
    """The certificate of a handshake; ``trusted``: the site's root vouches for it under the service's name."""

    trusted: bool
    begins: AwareDatetime | None
    ends: AwareDatetime | None


class Waf(Section):
    """What an attack was answered, and what some words of Korean were."""

    attack: Status
    words: Status


class Limits(Section):
    """What a body above the limit and a source above its rate were answered, how many connections one source has.

    ``hsts`` is the header of an ordinary answer.
    """

    body: Status
    requests: Status
    connections: Annotated[int, Field(ge=0)]
    hsts: str


class Log(Section):
    """Whether a marked request's path is in a log, and which of query, cookie and body are there too."""

    path: bool
    also: tuple[str, ...]


class Edge(Section):
    """What answers the outside on this host; nothing is told where policy has no edge there.

    ``holds``: the shared address is here. ``offered``: version of TLS to the suites that a handshake ended with.
    ``watched``: keepalived asked HAProxy, while the look lasted, whether this edge answers.
    """

    here: bool
    holds: bool
    offered: dict[str, tuple[str, ...]] | None
    certificate: Served | None
    waf: Waf | None
    limits: Limits | None
    log: Log | None
    watched: bool | None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Refuse a look that ended early."""
        parts = (self.offered, self.certificate, self.waf, self.limits, self.log, self.watched)
        if any((part is None) is self.here for part in parts):
            raise ValueError("an edge is seen whole, or there is none")
        return self
