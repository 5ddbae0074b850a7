"""Which list counts and when it is stale. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from ansible_collections.haechi.guard.plugins.module_utils.pull.document import Listed

# A clock that was set back by more made the record of the last confirmation worthless.
SKEW = timedelta(minutes=5)


def clock(now: datetime, held: Listed | None) -> datetime:
    """Return the time to go by: a host whose clock is behind the list that it holds goes by the list."""
    return max(now, held.issued) if held else now


def refused(new: Listed, held: Listed | None, highest: int, now: datetime) -> str:
    """Return why a well signed list is not taken; empty where it is."""
    top = max(highest, held.sequence if held else 0)
    if new.sequence < top:
        return f"it is number {new.sequence}, and {top} was seen before: it is old, or somebody plays it again"
    if held and new.sequence == held.sequence and new.text != held.text:
        return f"it is another list under number {new.sequence}"
    if now >= new.expires:
        return f"it expired at {new.expires:%Y-%m-%d %H:%M} UTC: sign it anew (site.yml)"
    return ""


def stale(held: Listed | None, confirmed: datetime | None, now: datetime, minutes: int) -> str:
    """Return why the list that is held counts no more for people; empty while it does."""
    if held is None or confirmed is None:
        return "this host holds no list that it may trust"
    good_until = min(confirmed if confirmed <= now + SKEW else held.issued, held.expires)
    if now - good_until <= timedelta(minutes=minutes):
        return ""
    return f"the list was last good at {good_until:%Y-%m-%d %H:%M} UTC, and policy lets it count {minutes} minutes more"
