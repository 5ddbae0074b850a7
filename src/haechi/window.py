"""When firmware may be installed: the window of policy that is open, or the next one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from haechi.policy.firmware import DAYS, Window
from haechi.policy.models import Policy
from haechi.policy.resolve import KST

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Span:
    """From when until when, the end no longer in it."""

    begins: datetime
    ends: datetime

    def holds(self, at: datetime) -> bool:
        """Return whether a moment lies in it."""
        return self.begins <= at < self.ends

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"{self.begins:%A %Y-%m-%d %H:%M} to {self.ends:%Y-%m-%d %H:%M} KST"


def around(window: Window, at: datetime) -> Span:
    """Return the window that a moment lies in, or the first one after it."""
    here = at.astimezone(KST)
    monday = here.date() - timedelta(days=here.weekday())
    first = datetime.combine(monday + timedelta(days=DAYS.index(window.day)), time.fromisoformat(window.start), KST)
    last = timedelta(minutes=window.minutes)
    # One that began last week may last into this one.
    spans = [Span(begins, begins + last) for begins in (first - WEEK, first, first + WEEK)]
    return next(span for span in spans if at < span.ends)


class WindowError(Exception):
    """Nothing may be installed now, or nowhere; the text says why and when it may."""


def asked(policy: Policy | None, hosts: Iterable[str], at: datetime, *, any_time: bool) -> Span:
    """Return the window in which somebody asks for an installation on hosts.

    Raises ``WindowError`` outside of it, unless ``any_time`` serves; and where none of the hosts is hardware.
    """
    if policy is None:
        raise WindowError("the policy cannot be read: run playbooks/validate.yml")
    rules = policy.firmware
    if rules.window is None or not set(hosts) & set(rules.hosts):
        raise WindowError("policy names none of these hosts as hardware (firmware.hosts): there is nothing to install")
    span = around(rules.window, at)
    if not span.holds(at) and not any_time:
        now = f"{at.astimezone(KST):%A %Y-%m-%d %H:%M} KST"
        raise WindowError(
            f"no firmware is installed now ({now}): the next window is {span} (firmware.window). No host was touched"
        )
    return span
