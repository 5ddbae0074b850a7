"""Accounts that nobody uses: found by the record of logins, and wanted shut. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Current, Logins

# Whoever else is away still lets somebody in when it burns.
ALWAYS_IN = "break_glass"


def dormant(current: Current, desired: Mapping[str, Any]) -> dict[str, int]:
    """Return person to the day from which disuse counts, of those who were away for longer than policy allows.

    Only people: what runs by itself, the canary and the sealed account lie idle by design. The last one who could
    get in stays, and so does everybody while nobody knows who logged in when.
    """
    rows = [row for row in desired["accounts"] if row["state"] == "active" and row["login"]]
    people = [row for row in rows if row["kind"] == "person"]
    since = {row["id"]: counted(current.logins, row["id"], row["start"]) for row in people}
    away = {who: day for who, day in since.items() if day is not None and current.today - day > desired["dormant_days"]}
    if away and len(away) == len(people) and not any(row["kind"] == ALWAYS_IN for row in rows):
        away.pop(max(sorted(away), key=away.__getitem__))
    return away


def counted(logins: Logins | None, who: str, start: int | None) -> int | None:
    """Return the day from which a person's disuse counts: the last login, or else the enrolment; None if unknown.

    A start in policy that is later than either counts: so somebody is let in again. Nobody is away for longer than
    logins are recorded.
    """
    if logins is None:
        return None
    if who in logins.last:
        return max(logins.last[who], start or 0)
    enrolled = [day for day in (start, logins.made.get(who)) if day is not None]
    return max(*enrolled, logins.since) if enrolled else None


def shut(desired: Mapping[str, Any], away: Mapping[str, int]) -> dict[str, Any]:
    """Return the accounts part with those who are away disabled, their sudo rules gone."""
    accounts = [
        {**row, "state": "disabled", "login": False, "groups": [], "sudo": []} if row["id"] in away else row
        for row in desired["accounts"]
    ]
    gone = {f"/etc/sudoers.d/haechi-{who}" for who in away}
    sudoers = [{**row, "content": None} if row["path"] in gone else row for row in desired["sudoers"]]
    return {**desired, "accounts": accounts, "sudoers": sudoers}


def remarks(away: Mapping[str, int], today: int) -> list[str]:
    """Return one line for each person who is shut out for disuse."""
    mend = "shut on this host; a new `start` in policy opens it again"
    return [f"{who} is not known to have logged in for {today - day} days: {mend}" for who, day in sorted(away.items())]
