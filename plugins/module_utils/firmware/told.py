"""What fwupd says of devices, updates and remotes, as documents of ours. Pure: JSON of fwupdmgr(1) and busctl(1) in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

# FwupdReleaseUrgency of libfwupd; fwupdmgr's JSON leaves it out.
CRITICAL = 4
REMOTE = "fwupd Remote"


def waiting(updates: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the releases that wait, newest first, by device; of ``fwupdmgr get-updates``."""
    return {str(row["DeviceId"]): [*row.get("Releases", ())] for row in updates["Devices"] if row.get("Releases")}


def critical(upgrades: Mapping[str, Any]) -> frozenset[str]:
    """Return the versions that a vendor calls critical; of ``GetUpgrades`` on the bus, values beside their types."""
    rows: Iterable[Mapping[str, Any]] = upgrades["data"][0]
    return frozenset(str(row["Version"]["data"]) for row in rows if row.get("Urgency", {"data": 0})["data"] == CRITICAL)


def device(row: Mapping[str, Any], releases: Iterable[Mapping[str, Any]], urgent: frozenset[str]) -> dict[str, Any]:
    """Return one device of ``fwupdmgr get-devices`` with what waits for it."""
    flags = row.get("Flags", ())
    return {
        "id": str(row["DeviceId"]),
        "name": str(row.get("Name") or row["DeviceId"]),
        "version": str(row.get("Version", "")),
        "updatable": "updatable" in flags,
        "reboot": "needs-reboot" in flags or "needs-shutdown" in flags or "needs-activation" in flags,
        "releases": [
            {
                "version": str(release["Version"]),
                "issued": when(release.get("Created")),
                "remote": str(release.get("RemoteId", "")),
                "critical": str(release["Version"]) in urgent,
            }
            for release in releases
        ],
    }


def remotes(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the remotes of ``fwupdmgr get-remotes``; ``fetched`` is when what they tell was last written here."""
    return [
        {
            "id": str(row["Id"]),
            "kind": str(row["Kind"]),
            "enabled": bool(row["Enabled"]),
            "reports": bool(row.get("AutomaticReports") or row.get("AutomaticSecurityReports")),
            "uri": str(row.get("MetadataUri", "")),
            "fetched": when(row.get("Mtime")),
        }
        for row in said["Remotes"]
    ]


def when(seconds: object) -> str | None:
    """Return a moment as RFC 3339 has it; None for none, and for fwupd's -1 or 0."""
    if not isinstance(seconds, int) or seconds <= 0:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()  # noqa: UP017 - Python 3.11 on hosts


def complaint(said: str) -> str:
    """Return why fwupdmgr failed, by what it said in JSON; empty where it says nothing of it."""
    head, _, tail = said.partition('"Message" : "')
    return tail.partition('"\n')[0] if head else ""
