"""The sections of a posture about privilege for a time, and about alarms."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from haechi.observe.shape import Section, Text


class Grant(Section):
    """A grant that a host knows. Times are seconds since 1970; ``until`` None where rules have no record beside them.

    ``rules``: sudo has its rules; ``running``: how many processes of it there are; ``why``: window or asked;
    ``killed``: how many processes ended with it; ``booted``: when the host had booted that ended it.
    """

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    person: Text
    until: int | None
    ended: int | None
    why: str
    killed: int | None = None
    booted: int | None = None
    rules: bool
    running: Annotated[int, Field(ge=0)]


class Alarm(Section):
    """An alarm that the host raised and nobody has taken away."""

    name: Text
    at: AwareDatetime
    what: str
