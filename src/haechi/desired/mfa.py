"""What PAM must ask on a host besides the key: one-time codes, the enrolment window, and who may use the console."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from haechi.policy.factors import windows
from haechi.policy.models import Kind, Policy, State
from haechi.policy.resolve import KST, access_on

SEEDS = "/var/lib/haechi/mfa"
WINDOW = "/etc/haechi/mfa-window"
CONSOLE = "/etc/security/haechi-console.conf"


def build(policy: Policy, host: str, revoked: frozenset[str]) -> dict[str, object]:
    """Return the second factor of one host; no seed is in it, and none passes through here."""
    here = [a.identity for a in access_on(policy, host, revoked) if a.login and a.state is State.ACTIVE]
    open_until = {who.id: until for who in here if (until := windows(policy).get(who.id)) is not None}
    sealed = [who.id for who in here if who.kind is Kind.BREAK_GLASS]
    return {
        "schema": 1,
        "seeds": SEEDS,
        "window": {who: end_of(until) for who, until in open_until.items()},
        "files": [
            {"path": WINDOW, "content": _window(open_until), "mode": "0600"},
            {"path": CONSOLE, "content": _console(sealed), "mode": "0600"},
        ],
    }


def end_of(last: date) -> int:
    """Return the second since 1970 at which a day of people's is over."""
    return int(datetime.combine(last + timedelta(days=1), time(), KST).timestamp())


def _window(open_until: dict[str, date]) -> str:
    head = "# Written by Haechi (role mfa): who may lack a second factor, up to which second since 1970.\n"
    return head + "".join(f"{who} {end_of(until)} # {until}\n" for who, until in sorted(open_until.items()))


def _console(sealed: list[str]) -> str:
    # access.conf(5): the first line that fits decides.
    head = "# Written by Haechi (role mfa): who may log in at the console; everybody else comes over SSH.\n"
    return head + "".join(f"+:{who}:ALL\n" for who in sealed) + "-:ALL:ALL\n"
