"""A revocation as the ledger shows it, for the tests of its bundle and its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from haechi.hr.ledger.states import ItemState, RevocationState
from haechi.hr.ledger.views import EventView, HostView, RevocationView
from haechi.hr.proof.statement import About, Run
from haechi.hr.signals import Act

AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
NONCE, OTHER = "a" * 32, "b" * 32
SCRIPT = "<script>alert(1)</script>"
DENIED: Mapping[str, Any] = {
    "access": True,
    "canary": "minho",
    "before": {"person": "accepted"},
    "host": {"verified": True, "killed": [{"name": "sshd"}]},
    "after": {"person": "refused", "canary": "accepted"},
    "nonce": NONCE,
}


def host(name: str, state: ItemState, **names: Any) -> HostView:
    """Return a host; a proven one was shut after two seconds and proven after four."""
    proven = state is ItemState.PROVEN
    row = HostView(
        host=name,
        state=state,
        due=AT,
        tries=1,
        token=1,
        leased_by=None,
        leased_until=None,
        applied=AT + timedelta(seconds=2) if proven else None,
        proven=AT + timedelta(seconds=4) if proven else None,
        reasons=(),
        record=DENIED if proven else {},
    )
    return replace(row, **names)


def retired(name: str) -> HostView:
    """Return a host whose end two people signed for."""
    record = {"retired": {"by": ["sora", "tae"], "why": "scrapped", "at": AT.isoformat()}}
    return host(name, ItemState.RETIRED, record=record)


def unreachable(name: str) -> HostView:
    """Return a host that did not answer; what it is called is what a host could be called by an attacker."""
    return host(name, ItemState.PENDING, tries=7, reasons=(f"timed out {SCRIPT}",), record={"nonce": OTHER})


def revocation(*hosts: HostView, state: RevocationState = RevocationState.PROVEN, **names: Any) -> RevocationView:
    """Return hana's leaving, asked for at nine."""
    row = RevocationView(
        number=7,
        person="hana",
        epoch=1,
        act=Act.LEAVE,
        reason="resigned for the reason that HR wrote: burn-out",
        event=3,
        asked=AT,
        effective=AT,
        state=state,
        released=None,
        closed=None,
        hosts=hosts or (host("gw1", ItemState.PROVEN), host("app1", ItemState.PROVEN)),
    )
    return replace(row, **names)


EVENT = EventView(
    number=3,
    id="e" * 64,
    source="workday",
    kind="webhook",
    received=AT - timedelta(seconds=2),
    issued=None,
    accepted=AT,
    sha256="5" * 64,
    headers={},
    context={},
    state="accepted",
    why="",
)
RUN = Run(nonce=NONCE, sha256="7" * 64, evidence="20261126T090000Z-offboard-aaaaaa", checkpoint=41, policy="9" * 64)


def about(row: RevocationView) -> About:
    """Return what a statement is made from."""
    return About(site="lab", revocation=row, event=EVENT, runs=(RUN,), made=AT + timedelta(seconds=5))
