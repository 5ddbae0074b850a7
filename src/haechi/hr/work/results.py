"""What a run's own records come to, host by host. Pure: what lacks the order's nonce was seen by somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haechi import offboard
from haechi.hr.work.order import HostResult, Order, Outcome, Seen

_NO_EVIDENCE = "the run left no whole evidence: {why}"


def outcome(order: Order, record: object, evidence: object, faults: tuple[str, ...] = ()) -> Outcome:
    """Return the outcome of an order.

    ``record`` is what ``haechi.offboard.close`` made, ``evidence`` what the callback ``evidence`` told of its run, both
    as JSON had them, None where there is none; ``faults`` are those of the run itself.
    """
    document, wrong = _own(order, record)
    kept, unkept = _kept(evidence)
    rows = {host: document["hosts"][host] for host in order.hosts if host in document.get("hosts", {})}
    results = {host: _result(row, unkept) for host, row in rows.items() if row.get("status") != offboard.LEFT_OUT}
    missing = [host for host in order.hosts if host not in results]
    if missing and not wrong:
        wrong = (f"not part of the run: {', '.join(missing)}: do inventory (group managed) and policy name them?",)
    faults = (*faults, *wrong, *([_NO_EVIDENCE.format(why=unkept)] if unkept else []))
    return Outcome(hosts=results, document=document | {"evidence": kept} if document else {}, fault="; ".join(faults))


def _own(order: Order, record: object) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the record if it is this order's, else nothing and why."""
    if not isinstance(record, dict):
        return {}, ("the run left no record",)
    names = {"schema": offboard.SCHEMA, "nonce": order.nonce, "person": order.person, "check": False}
    other = [name for name, value in names.items() if record.get(name) != value]
    if other or not isinstance(record.get("hosts"), dict):
        return {}, (f"the run's record is not this order's ({', '.join(other) or 'hosts'})",)
    if record.get("nobody"):
        return {}, (f"nobody knows {order.person}: not in policy, no tombstone, no account on any host",)
    return record, ()


def _kept(evidence: object) -> tuple[str, str]:
    """Return the name of the evidence's run, and why it is not whole."""
    if not isinstance(evidence, dict):
        return "", "it began none, or ended early"
    return str(evidence.get("run")), str(evidence.get("problem") or "")


def _result(row: Mapping[str, Any], unkept: str) -> HostResult:
    seen, reasons = _seen(row), tuple(map(str, row.get("reasons", ())))
    if seen is Seen.PROVEN and unkept:
        seen, reasons = Seen.APPLIED, (*reasons, _NO_EVIDENCE.format(why=unkept))
    proven_s = row.get("denied_s") if seen is Seen.PROVEN else None
    return HostResult(seen=seen, reasons=reasons, shut_s=row.get("shut_s"), proven_s=proven_s, record=dict(row))


def _seen(row: Mapping[str, Any]) -> Seen:
    if row.get("status") == offboard.DENIED:
        return Seen.PROVEN
    # A host that said so and broke off afterwards has said so.
    if row.get("shut_s") is not None:
        return Seen.APPLIED
    return Seen.UNREACHABLE if row.get("status") == offboard.UNREACHABLE else Seen.UNKNOWN
