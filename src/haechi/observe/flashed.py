"""The section of a posture about firmware, as fwupd sees it."""

from __future__ import annotations

from pydantic import AwareDatetime

from haechi.observe.shape import Section, Text


class Release(Section):
    """A firmware that waits; ``issued`` is when its vendor published it, ``remote`` who told of it."""

    version: Text
    issued: AwareDatetime | None
    remote: str
    critical: bool


class Device(Section):
    """A part with firmware. ``reboot``: something newer was installed and is not in force before a reboot.

    ``releases``: what waits, newest first.
    """

    id: Text
    name: Text
    version: str
    updatable: bool
    reboot: bool
    releases: tuple[Release, ...]


class Remote(Section):
    """Somebody who tells of releases: ``download`` from elsewhere, or ``local`` and ``directory`` on this host.

    ``reports``: it is told what was installed here. ``fetched`` is when its word was last written here, None for never.
    """

    id: Text
    kind: str
    enabled: bool
    reports: bool
    uri: str
    fetched: AwareDatetime | None


class Firmware(Section):
    """What fwupd says and goes by; all of it is empty on a host without it.

    ``silent`` is why it does not answer, "" where it does. ``settings`` are the daemon's, ``section.key``;
    ``units`` are unit to "active enabled". ``callers`` are files of this host that have fwupd do something at an hour
    of their own.
    """

    installed: bool
    silent: str
    devices: tuple[Device, ...]
    remotes: tuple[Remote, ...]
    settings: dict[str, str]
    units: dict[str, str]
    callers: tuple[str, ...]
