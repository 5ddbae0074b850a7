"""The sections of a posture about files: modes of those that guides name, and what stood out in the walk over all."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from haechi.observe.shape import Mode, Section, Text

Kind = Literal["set_id", "world_writable", "no_owner", "hidden", "not_a_device", "lends"]
# Kinds that hosts did not look for at first: a walk on record without them is whole, and says nothing about them.
LATER = frozenset({"lends"})
# How many rows of a kind a walk shows.
MOST = 200


class PathMode(Section):
    """A file or folder with its owner and mode. Links are left out."""

    path: Text
    mode: Mode
    owner: Text
    group: Text
    folder: bool


class Modes(Section):
    """Files that guides speak about. A pattern that named nothing stands in ``absent``.

    ``folder/*`` are the entries of a folder, ``folder/**`` all files below it.
    """

    rows: Annotated[tuple[PathMode, ...], Field(min_length=1)]
    absent: tuple[str, ...]


class Odd(Section):
    """A file that stood out in the walk over all local file systems.

    What ``lends`` rights (set-ID bits, capabilities) has a row for each person whose it or a folder above it is, and
    that person is the ``owner``.
    """

    kind: Kind
    path: Text
    mode: Mode
    owner: str
    group: str


class Walk(Section):
    """The walk. ``total`` counts each kind; ``rows`` holds at most 200 a kind; ``files`` is how many were looked at."""

    files: Annotated[int, Field(gt=100)]
    total: dict[str, int]
    rows: tuple[Odd, ...]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Refuse a walk that counted other rows than it shows, or did not look for a kind at all."""
        shown: Counter[str] = Counter(row.kind for row in self.rows)
        kinds = set(get_args(Kind))
        if set(self.total) | LATER != kinds or any(shown[kind] != min(self.total.get(kind, 0), MOST) for kind in kinds):
            raise ValueError("the counts are not those of the rows")
        return self
