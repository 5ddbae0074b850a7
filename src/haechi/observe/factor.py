"""The section of a posture about second factors."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from haechi.observe.shape import Mode, Section, Text


class Seed(Section):
    """The file of somebody's one-time codes, without what is secret in it.

    ``once``: a used code is out; ``narrow``: a code counts for its own 30 s; ``spare``: codes that count for ever.
    """

    account: Text
    mode: Mode
    owner: Text
    once: bool
    narrow: bool
    spare: Annotated[int, Field(ge=0)]


class Factors(Section):
    """Second factors: seeds, until which second since 1970 who may lack one, and the lines of who uses the console."""

    seeds: tuple[Seed, ...]
    window: dict[str, Annotated[int, Field(ge=0)]]
    console: tuple[str, ...]
