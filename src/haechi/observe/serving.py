"""The section of a posture about our own services: how systemd holds their units, and where an account gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from haechi.observe.shape import Section, Text
from haechi.policy.shape import Port


class Unit(Section):
    """A unit. ``runs_as`` owns its main process, "" where none runs; ``stale``: its file is another than systemd's."""

    active: Text
    enabled: str
    command: str
    runs_as: str
    drop_ins: tuple[str, ...]
    stale: bool
    settings: Mapping[str, str]


class Tried(Section):
    """A connection that the account of HR's receiver tried; ``why`` is the kernel's word."""

    address: Text
    port: Port
    result: Literal["open", "refused", "timeout", "unreachable", "blocked"]
    why: str


class Services(Section):
    """Units that are there, by name. ``reach`` is empty where there is no such account, or nobody asked."""

    units: Mapping[str, Unit]
    reach: tuple[Tried, ...]
