"""The section of a posture about how often flows were used."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from haechi.observe.shape import Section

Counts = dict[str, Annotated[int, Field(ge=0)]]


class Harvest(Section):
    """What the counters said before rules were loaded anew, and with them counters of zero."""

    at: AwareDatetime
    counters: Counts


class Flows(Section):
    """Flow to first packets of connections since ``since``; ``harvested`` are earlier ones since ``booted``."""

    booted: AwareDatetime
    since: AwareDatetime
    counters: Counts
    harvested: tuple[Harvest, ...]
