"""What policy says about leavers beyond their accounts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from haechi.policy.shape import IdentityId, Line, Model, Name, Port


class RevocationsPolicy(Model):
    """The signed list of who left, which hosts fetch by themselves from the authority's host.

    ``stale_list`` is about people alone: automation, the canary and break-glass get in however old the list is.
    """

    port: Port = 4717
    valid_hours: Annotated[int, Field(strict=True, ge=24, le=2160, description="when the list must be signed anew")] = (
        168
    )
    stale_list: Literal["allow", "refuse"] = "refuse"
    stale_minutes: Annotated[
        int, Field(strict=True, ge=15, le=1440, description="how long an unconfirmed list counts for people")
    ] = 60


class SharedSecret(Model):
    """A secret that more than one person knows, so that it must be changed when one of them leaves."""

    name: Name
    where: Line = Field(description="the system or the safe that it opens")
    jobs: tuple[Name, ...] = Field(default=(), description="whoever has one of these jobs knows it")
    people: tuple[IdentityId, ...] = Field(default=(), description="people who know it beside them")
    rotate: Line = Field(description="how it is changed: a playbook with its arguments, or what a person does")
