"""What a bundle says of a revocation: an in-toto statement (https://in-toto.io/Statement/v1). Pure.

It says what the ledger says and nothing more: a host that is not proven there is open here, or retired.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from haechi.hr.ledger.states import ItemState, RevocationState
from haechi.hr.ledger.views import EventView, HostView, RevocationView
from haechi.offer import ACCEPTED

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:haechi:revocation:1"
PAYLOAD = "application/vnd.in-toto+json"
_ENDED = frozenset({RevocationState.PROVEN, RevocationState.CLOSED})


class Verdict(StrEnum):
    """What a revocation came to."""

    PROVEN = "proven"
    """Every host was proven."""
    RETIRED = "retired"
    """Every host that is still there was proven; of the others somebody signed that they are gone."""
    OPEN = "open"
    """Some host is not proven yet, or the work was broken off."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the revocation, and where its evidence is; ``evidence`` is empty where the run left none."""

    nonce: str
    sha256: str
    evidence: str = ""
    checkpoint: int | None = None
    policy: str | None = None


@dataclass(frozen=True, kw_only=True)
class About:
    """All that a statement is made from."""

    site: str
    revocation: RevocationView
    event: EventView | None
    runs: tuple[Run, ...]
    made: datetime


def statement(about: About) -> dict[str, Any]:
    """Return the statement. Its subjects are the runs' records, and the message that asked, by their digests."""
    subjects = {f"runs/{run.nonce}.json": run.sha256 for run in about.runs}
    if about.event is not None:
        subjects["event"] = about.event.sha256
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": value}} for name, value in subjects.items()],
        "predicateType": PREDICATE,
        "predicate": _predicate(about),
    }


def verdict(revocation: RevocationView) -> Verdict:
    """Return what the ledger shows."""
    states = [host.state for host in revocation.hosts]
    if revocation.state not in _ENDED or not states or set(states) - {ItemState.PROVEN, ItemState.RETIRED}:
        return Verdict.OPEN
    return Verdict.RETIRED if ItemState.RETIRED in states else Verdict.PROVEN


def _predicate(about: About) -> dict[str, Any]:
    row = about.revocation
    came = verdict(row)
    proofs = [host.proven for host in row.hosts if host.state is ItemState.PROVEN and host.proven]
    shut = [host.applied for host in row.hosts if host.applied]
    due = max(filter(None, (row.asked, row.effective, row.released)))
    last = max(proofs, default=None) if came is not Verdict.OPEN else None
    return {
        "site": about.site,
        "made": _time(about.made),
        "revocation": {"number": row.number, "person": row.person, "employment": row.epoch, "act": row.act},
        "asked": _time(row.asked),
        "effective": _time(row.effective),
        "released": _time(row.released),
        "event": _event(about.event),
        "verdict": came,
        "counts": {"hosts": len(row.hosts), **_counts(row)},
        "first_deny": _time(min(shut, default=None)),
        "last_proof": _time(last),
        # From when it was asked, due and let go on: what the site promises to keep short.
        "seconds": None if last is None else round((last - due).total_seconds(), 3),
        "hosts": [_host(host) for host in row.hosts],
        "runs": [_run(run) for run in about.runs],
    }


def _counts(row: RevocationView) -> dict[str, int]:
    proven, retired = row.count(ItemState.PROVEN), row.count(ItemState.RETIRED)
    return {"proven": proven, "retired": retired, "open": len(row.hosts) - proven - retired}


def _event(event: EventView | None) -> dict[str, Any] | None:
    if event is None:
        return None
    times = {"received": _time(event.received), "accepted": _time(event.accepted)}
    return {"sha256": event.sha256, "source": event.source, "kind": event.kind, **times}


def _host(host: HostView) -> dict[str, Any]:
    """Return one host. Its positive control is what makes a refusal a proof; of a colleague it names no id."""
    ended = {ItemState.PROVEN: "proven", ItemState.RETIRED: "retired"}
    state = ended.get(host.state, "open")
    retired = host.record.get("retired") if state == "retired" else None
    return {
        "host": host.host,
        "state": state,
        "shut": _time(host.applied),
        "proven": _time(host.proven) if state == "proven" else None,
        "tries": host.tries,
        "run": host.record.get("nonce"),
        "reasons": [] if state == "proven" else list(host.reasons),
        "control": _control(host.record) if state == "proven" else None,
        "retired": {name: retired[name] for name in ("by", "why", "at")} if retired else None,
    }


def _control(record: Mapping[str, Any]) -> dict[str, Any]:
    before, after = record.get("before") or {}, record.get("after") or {}
    return {
        "had_access": bool(record.get("access")),
        "accepted_before": before.get("person") == ACCEPTED or bool(record.get("earlier")),
        "denied_by_itself": bool(record.get("by_itself")),
        "refused_now": after.get("person"),
        "colleague_accepted": after.get("canary") == ACCEPTED,
        "host_confirms": bool((record.get("host") or {}).get("verified")),
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "record": f"runs/{run.nonce}.json",
        "evidence": run.evidence or None,
        "checkpoint": run.checkpoint,
        "policy_sha256": run.policy,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds")


def open_hosts(predicate: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the hosts of a predicate that are still open."""
    return [host for host in predicate["hosts"] if host["state"] == "open"]


def nonces(hosts: Iterable[HostView]) -> set[str]:
    """Return the runs that the ledger names for some hosts."""
    return {str(host.record["nonce"]) for host in hosts if host.record.get("nonce")}
