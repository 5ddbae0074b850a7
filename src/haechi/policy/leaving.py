"""What policy says about leavers beyond their accounts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from haechi.policy.shape import Model, Port


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
