"""Proof that a leaver is out, host by host. Pure, but for keeping the run's own record.

Denied is what was shown: her key was accepted before and is refused now, the host itself confirms it, and a
colleague's key was accepted in the same run. Everything else is "unknown".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from haechi.keylines import fingerprints
from haechi.offer import ACCEPTED, REFUSED
from haechi.policy.models import Identity, Kind, Policy, State
from haechi.policy.resolve import access_on, jobs_on, keys_of, managed

SCHEMA = 1
DENIED, UNKNOWN, UNREACHABLE, LEFT_OUT = "denied", "unknown", "unreachable", "left out"
OPEN, SHUT = "open", "shut"
NOT_SERVED = "{host}: does not serve list {number}: hosts that are off will not hear of it at boot; run this again"


@dataclass(frozen=True, kw_only=True)
class Brief:
    """What one offboarding needs to know of policy, the same for every host."""

    person: str
    keys: tuple[str, ...]
    hosts: tuple[str, ...]
    access: tuple[str, ...]
    canaries: dict[str, str]
    canary_keys: dict[str, tuple[str, ...]]
    known: bool = True


class OffboardError(Exception):
    """The request cannot be carried out; the text says how to mend it."""


def brief(
    policy: Policy, person: str, revoked: frozenset[str], canary: str | None = None, *, unknown: bool = False
) -> Brief:
    """Return the brief for a person; an explicit canary serves every host.

    Known is whom policy or an earlier leaving names; with ``unknown`` the operator vouches for the id.

    Raises ``OffboardError`` for a person who is none, or a canary who proves nothing.
    """
    found = {identity.id: identity for identity in policy.identities}
    who = found.get(person)
    if who is not None and who.kind is not Kind.PERSON:
        raise OffboardError(f"{person} is {who.kind}, not a person: take it out of identities.yml and run site")
    if canary is not None and (canary == person or canary in revoked or canary not in found):
        raise OffboardError(f"canary {canary} cannot be the proof that logins work: name an active colleague")
    hosts = managed(policy)
    earlier = revoked - {person}
    canaries = {host: canary or _canary(policy, host, who, earlier) for host in hosts}
    chosen = sorted({name for name in canaries.values() if name})
    return Brief(
        person=person,
        keys=keys_of(policy, who) if who else (),
        hosts=hosts,
        access=tuple(host for host in hosts if who and any(job.login for job in jobs_on(policy, who, host))),
        canaries={host: name for host, name in canaries.items() if name},
        canary_keys={name: keys_of(policy, found[name]) for name in chosen},
        known=unknown or who is not None or person in revoked,
    )


def _canary(policy: Policy, host: str, who: Identity | None, revoked: frozenset[str]) -> str | None:
    """Return whose login stands for all: a colleague with a job of hers, else the sentinel, else any other person."""
    jobs = set(who.jobs) if who else set()
    here = [row.identity for row in access_on(policy, host, revoked) if row.login and row.state is State.ACTIVE]
    here = [row for row in here if row != who and keys_of(policy, row)]
    ranks = (
        lambda row: row.kind is Kind.PERSON and jobs & set(row.jobs),
        lambda row: row.kind is Kind.SENTINEL,
        lambda row: row.kind is Kind.PERSON,
    )
    return next((row.id for fits in ranks for row in here if fits(row)), None)


def status(record: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return what is proven for one host, and every reason against "denied"."""
    if record.get("unreachable"):
        often = f" (tried {record['tries']} times)" if record.get("tries", 1) > 1 else ""
        return UNREACHABLE, [f"{record['unreachable']}{often}"]
    if record.get("left_out"):
        return LEFT_OUT, ["not part of this run"]
    if "doors" in record:
        return (OPEN, record["doors"]) if record["doors"] else (SHUT, [])
    # Without an offer afterwards the run ended early, or only looked.
    reasons = [*_host_reasons(record), *(_offer_reasons(record) if "after" in record else [])]
    return (UNKNOWN, reasons) if reasons else (DENIED, [])


def _host_reasons(record: Mapping[str, Any]) -> list[str]:
    seen = record.get("host")
    if not seen:
        return [f"the host's own check failed: {record.get('error', 'no answer')}"]
    services = [f"{row['name']} ({row['unit']})" for row in seen["escalated"]]
    left = [f"{row['name']} ({row['pid']})" for row in seen["remaining"]]
    reasons = [
        *([str(seen["error"])] if seen["error"] else []),
        *([f"still open: {', '.join(seen['open'])}"] if seen["open"] else []),
        *([f"still running: {', '.join(left)}"] if left else []),
        *([f"services run with the person's rights, re-home or stop them: {', '.join(services)}"] if services else []),
    ]
    if seen["account_phase"] not in {"refused", "no account"}:
        reasons.append(f"PAM's account phase: {seen['account_phase']}")
    return reasons or ([] if seen["verified"] else ["the host does not confirm it"])


def _offer_reasons(record: Mapping[str, Any]) -> list[str]:
    before, after, reasons = record.get("before", {}), record.get("after", {}), []
    shown = before.get("person") == ACCEPTED or record.get("earlier") or record.get("by_itself")
    if record["access"] and not shown:
        reasons.append(
            f"the key was {before.get('person')} before ({before.get('person_why') or 'no positive control'})"
        )
    if after.get("person") != REFUSED and (record["access"] or after.get("person") == ACCEPTED):
        reasons.append(f"the key is {after.get('person')} now ({after.get('person_why') or 'not refused'})")
    # Before, the leaver's own accepted key shows that the way is open; a canary asked then must be accepted as well.
    asked = [("before", before)] if "canary" in before else []
    for when, seen in (*asked, ("after", after)):
        if seen.get("canary") != ACCEPTED:
            why = seen.get("canary_why") or "so a refusal proves nothing"
            reasons.append(f"canary {record.get('canary') or '(none)'} {seen.get('canary')} {when} ({why})")
    return reasons


def by_itself(host: Mapping[str, Any], keys: Iterable[str]) -> bool:
    """Return whether a host denied the leaver by itself before anybody came, and says that one of these keys opened it.

    It hears who left from the signed list, at boot and every five minutes. Then no offer of this run could be accepted
    before; the keys of an earlier employment are others.
    """
    return _told(host).get("list") is not None and _opened(host, keys)


def by_another_run(host: Mapping[str, Any], keys: Iterable[str]) -> bool:
    """Return whether a run before this one denied the leaver, by the word of the host, which says so as above.

    That run was broken off before its record was written, or another controller has it.
    """
    return _told(host).get("list") is None and _opened(host, keys)


def _told(host: Mapping[str, Any]) -> Mapping[str, Any]:
    return host.get("by_itself") or {}


def _opened(host: Mapping[str, Any], keys: Iterable[str]) -> bool:
    return bool(set(fingerprints(keys)) & set(_told(host).get("keys", ())))


def close(brief: Brief, records: Mapping[str, Mapping[str, Any]], started: str, *, check: bool) -> dict[str, Any]:
    """Return the run's record: every host of policy counts, in this run or not."""
    hosts = {}
    for host in brief.hosts:
        record = dict(records.get(host) or {"left_out": True})
        record["status"], record["reasons"] = status(record)
        hosts[host] = record
    todo = [f"{host}: {row['status']}: {'; '.join(row['reasons'])}" for host, row in hosts.items() if row["reasons"]]
    times = [row.get("denied_s") for row in hosts.values()]
    shut = [row["shut_s"] for row in hosts.values() if row.get("shut_s") is not None]
    nobody = not brief.known and not any(row.get("known") for row in hosts.values())
    proven = all(row["status"] == DENIED for row in hosts.values())
    return {
        "schema": SCHEMA,
        "person": brief.person,
        "nobody": nobody,
        "check": check,
        "started": started,
        "hosts": hosts,
        "first_deny_s": min(shut, default=None),
        "denied_all_s": max(filter(None, times), default=None) if proven and not check and not nobody else None,
        "canary_ok": all(row.get("after", row.get("before", {})).get("canary") == ACCEPTED for row in hosts.values()),
        "open": todo,
    }


def published(host: str | None, number: int, records: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return whether the host that serves the signed list was seen to hold this one; None where no list is served."""
    if host is None:
        return None
    return {"host": host, "number": number, "served": records.get(host, {}).get("list") == number}


def lines(run: Mapping[str, Any]) -> list[str]:
    """Return the closing summary as a person reads it."""
    width = max(map(len, run["hosts"]), default=0)
    shown = []
    if run["nobody"]:
        return [f"nobody knows {run['person']}: not in policy, no tombstone, no account on any host"]
    for host, row in run["hosts"].items():
        seconds = f"{row['denied_s']:.1f} s" if row.get("denied_s") is not None and row["status"] == DENIED else ""
        did = row.get("host") or {}
        killed = f", {len(did['killed'])} processes ended" if did.get("killed") else ""
        killed += f", {len(did['disarmed'])} programs left behind lost their rights" if did.get("disarmed") else ""
        killed += ", by itself before this run" if row.get("by_itself") else ""
        never = "" if row.get("access", True) else " (had no access here)"
        shown.append(f"  {host:<{width}}  {row['status']:<11} {seconds:>7}{never}{killed}")
    count = sum(row["status"] == DENIED for row in run["hosts"].values())
    if run["check"]:
        return [f"{run['person']}: doors that are open now; nothing was written", *shown, *_items(run["open"])]
    verdict = f"{run['person']}: denied on {count} of {len(run['hosts'])} hosts"
    if run["denied_all_s"] is not None:
        verdict += f", the last one {run['denied_all_s']:.1f} s after the start"
    canary = "colleagues still get in" if run["canary_ok"] else "NOT shown on every host that colleagues still get in"
    told = run.get("list")
    served = bool(told and told["served"])
    pull = [f"  {told['host']} serves list {told['number']} to hosts that were off"] if told and served else []
    return [f"{verdict}; {canary}", *shown, *pull, *_items(run["open"])]


def _items(items: Iterable[str]) -> list[str]:
    return [f"  open: {item}" for item in items]


def earlier_proofs(folder: Path, person: str, sequence: int) -> frozenset[str]:
    """Return the hosts where an earlier run of this very leaving showed the key accepted and then denied."""
    proven: set[str] = set()
    for path in sorted(folder.glob(f"offboard-{person}-*.json")):
        try:
            run = json.loads(path.read_text())
        except ValueError:
            continue
        if run.get("person") == person and run.get("sequence") == sequence and not run.get("check"):
            shown = (host for host, row in run["hosts"].items() if row.get("before", {}).get("person") == ACCEPTED)
            proven |= set(shown)
    return frozenset(proven)


def plain(brief: Brief) -> dict[str, Any]:
    """Return the brief as JSON has it."""
    return asdict(brief)


def read_brief(raw: Mapping[str, Any]) -> Brief:
    """Return the brief that ``plain`` wrote."""
    return Brief(
        person=raw["person"],
        keys=tuple(raw["keys"]),
        hosts=tuple(raw["hosts"]),
        access=tuple(raw["access"]),
        canaries=dict(raw["canaries"]),
        canary_keys={name: tuple(keys) for name, keys in raw["canary_keys"].items()},
        known=raw["known"],
    )
