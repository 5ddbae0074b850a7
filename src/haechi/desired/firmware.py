"""Firmware on one host that is hardware: fwupd's settings and who tells it of updates; none on every other host."""

from __future__ import annotations

from typing import Any

from haechi.policy.firmware import LVFS
from haechi.policy.models import Policy

PACKAGES = ("fwupd",)
# fwupd.conf(5). Nothing is said at a login, nothing is offered to neighbours, nothing is taken that no vendor signed.
SETTINGS = {
    "fwupd": {"UpdateMotd": "false", "P2pPolicy": "nothing", "OnlyTrusted": "true", "IgnoreRequirements": "false"},
    # By itself fwupd makes an account of its own on the management controller.
    "redfish": {"IpmiDisableCreateUser": "true"},
}
# fwupd-remotes.d(5). A report tells LVFS of the machine, and of what it runs.
UNREPORTED = {"AutomaticReports": "false", "AutomaticSecurityReports": "false"}
MIRROR = "haechi-mirror"


def build(policy: Policy, host: str) -> dict[str, Any] | None:
    """Return what fwupd must be; None where policy names no hardware.

    Shape: ``{schema, packages, settings: {}, remotes: {}, source, mirror}``; ``source`` is the one remote that may
    fetch from elsewhere, or None, ``mirror`` the file that makes it where it is no remote of Debian's, or "".
    """
    rules = policy.firmware
    if host not in rules.hosts:
        return None
    mirror = rules.source is not None and rules.source != LVFS
    return {
        "schema": 1,
        "packages": [*PACKAGES],
        "settings": {section: dict(values) for section, values in SETTINGS.items()},
        "remotes": dict(UNREPORTED),
        "source": MIRROR if mirror else rules.source,
        "mirror": _mirror(rules.source) if mirror and rules.source else "",
    }


def _mirror(address: str) -> str:
    """Return the remote of a site's own mirror: what LVFS signed, from a place that the site chose."""
    values = {
        "Enabled": "true",
        "Title": "Mirror of the site",
        "MetadataURI": address,
        "FirmwareBaseURI": address.rpartition("/")[0],
        "ApprovalRequired": "false",
        **UNREPORTED,
    }
    return "".join(
        f"{line}\n"
        for line in ("# Written by Haechi (role firmware).", "[fwupd Remote]", *(f"{k}={v}" for k, v in values.items()))
    )
