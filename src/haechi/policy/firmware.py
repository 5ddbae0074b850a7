"""What policy says about machines that Haechi does not run: switches, firewalls, storage."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from haechi.policy.shape import IdentityId, Line, Model, Name


class Device(Model):
    """A device, the firmware that is approved for it, and who sees to it."""

    kind: Line = Field(description="switch, firewall, load balancer, storage ..")
    model: Line = Field(description="as the vendor and the device itself write it")
    approved: Line = Field(description="version of the firmware that the owner has approved")
    advisory: Line = Field(description="where the vendor tells of holes: an address, a mailing list")
    owner: IdentityId
    due: date | None = Field(default=None, description="last day on which another version may still run; none: now")


class Firmware(Model):
    """The register of devices; what runs on them is recorded by ``haechi devices``, and counts for ``seen_days``."""

    seen_days: Annotated[int, Field(strict=True, ge=1, le=366)] = 92
    devices: dict[Name, Device] = Field(default={})
