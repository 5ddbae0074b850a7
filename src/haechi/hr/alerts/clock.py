"""Which alerts are due: pure, over facts and policy alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from haechi.hr.alerts.facts import Facts
from haechi.hr.ledger.matters import BREAKER, UNMATCHED
from haechi.hr.ledger.states import ENDED, ItemState, RevocationState
from haechi.hr.ledger.views import HostView, RevocationView
from haechi.hr.work.order import Seen
from haechi.policy.provisioning import Sla
from haechi.report.words import Pair, pair

# The engines look at least every 30 s, so what lay due for so long has nobody who looks.
IDLE = timedelta(minutes=3)
REFUSED_MANY = 5
NAMED = 8


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One reason to wake somebody; its key is the same for as long as it is the same reason."""

    key: str
    words: Pair


def due(facts: Facts, sla: Sla) -> tuple[Alert, ...]:
    """Return every alert whose reason stands at the moment."""
    return (
        *(alert for view in facts.leavings for alert in _late(view, sla, facts.now)),
        *(_matter(row.kind, row.number, row.people) for row in facts.matters if row.kind in {BREAKER, UNMATCHED}),
        *_idle(facts),
        *(_alert(f"lost:{host}", "al_lost", host=host) for host in facts.lost),
        *(
            _alert(f"refused:{source}:{facts.now:%Y%m%dT%H}", "al_refused", source=source, n=times)
            for source, times in sorted(facts.refused.items())
            if times >= REFUSED_MANY
        ),
    )


def begins(view: RevocationView) -> datetime:
    """Return when a leaving's clock began: asked for, its time come, and let go on by a second person."""
    return max(view.asked, view.effective, view.released or view.asked)


def last_seen(host: HostView) -> Seen | None:
    """Return what the last run saw of a host; None before the first."""
    found = host.record.get("seen")
    return Seen(found) if found else None


def _late(view: RevocationView, sla: Sla, now: datetime) -> Iterator[Alert]:
    left = [host for host in view.hosts if host.state not in ENDED]
    if view.state is not RevocationState.OPEN or not left:
        return
    known = {"person": view.person, "number": view.number}
    # A host that nobody tried yet may be reachable for all that is known.
    answering = [host.host for host in left if last_seen(host) is not Seen.UNREACHABLE]
    if answering and now - begins(view) >= timedelta(seconds=sla.proven_seconds):
        words = {"seconds": sla.proven_seconds, "hosts": _names(answering)}
        yield _alert(f"proven:{view.number}", "al_proven", **known, **words)
    if now - begins(view) >= timedelta(minutes=sla.open_minutes):
        words = {"minutes": sla.open_minutes, "hosts": _names([host.host for host in left])}
        yield _alert(f"open:{view.number}", "al_open", **known, **words)


def _matter(kind: str, number: int, people: tuple[str, ...]) -> Alert:
    if kind == BREAKER:
        return _alert(f"breaker:{number}", "al_breaker", number=number, n=len(people))
    return _alert(f"unmatched:{number}", "al_unmatched", number=number)


def _idle(facts: Facts) -> Iterator[Alert]:
    """Yield the alert that work lies there and nobody takes it; who holds a lease is at work, however long."""
    hosts = [host for view in facts.leavings if view.state is RevocationState.OPEN for host in view.hosts]
    if any(host.leased_until is not None and host.leased_until > facts.now for host in hosts):
        return
    since = [_waits(host) for host in hosts if host.state not in ENDED]
    since += [view.effective for view in facts.leavings if view.state is RevocationState.WAITING]
    if since and facts.now - min(since) >= IDLE:
        yield _alert(f"worker:{min(since):%Y%m%dT%H%M%S}", "al_worker", since=f"{min(since):%Y-%m-%d %H:%M:%S}Z")


def _waits(host: HostView) -> datetime:
    return host.leased_until or host.due if host.state is ItemState.LEASED else host.due


def _names(hosts: list[str]) -> str:
    more = f" +{len(hosts) - NAMED}" if len(hosts) > NAMED else ""
    return ", ".join(hosts[:NAMED]) + more


def _alert(key: str, words: str, **values: object) -> Alert:
    return Alert(key=key, words=pair(words, **values))
