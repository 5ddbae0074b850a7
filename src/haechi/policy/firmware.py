"""What policy says of firmware: of machines that Haechi does not run, and of its own hosts that are hardware."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from haechi.policy.shape import IdentityId, Line, Model, Name

# Two days may not be one window: it would say nothing of when.
LONGEST, SHORTEST = 24 * 60, 15
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LVFS = "lvfs"


class Device(Model):
    """A device, the firmware that is approved for it, and who sees to it."""

    kind: Line = Field(description="switch, firewall, load balancer, storage ..")
    model: Line = Field(description="as the vendor and the device itself write it")
    approved: Line = Field(description="version of the firmware that the owner has approved")
    advisory: Line = Field(description="where the vendor tells of holes: an address, a mailing list")
    owner: IdentityId
    due: date | None = Field(default=None, description="last day on which another version may still run; none: now")


class Window(Model):
    """When firmware of hosts may be installed, each week, by Korean time; nothing is installed by itself even then."""

    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    start: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = Field(
        description="24 hours, in quotes: YAML reads 22:30 as a number"
    )
    minutes: Annotated[int, Field(strict=True, ge=SHORTEST, le=LONGEST)]


class Firmware(Model):
    """The register of devices, whose readings by ``haechi devices`` count for ``seen_days``; and hosts with fwupd."""

    seen_days: Annotated[int, Field(strict=True, ge=1, le=366)] = 92
    devices: dict[Name, Device] = Field(default={})
    hosts: tuple[Name, ...] = Field(default=(), description="managed hosts that are hardware: fwupd looks after them")
    window: Window | None = None
    source: Line | None = Field(
        default=None,
        description="who tells of updates: `lvfs`, or the https address of a mirror's firmware.xml.zst; none: nobody",
    )
    max_days: Annotated[int, Field(strict=True, ge=1, le=366, description="how long an update may wait")] = 30
