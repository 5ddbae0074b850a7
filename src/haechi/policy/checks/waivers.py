"""Waivers: owned, approved by another, and ending."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from haechi.policy.models import Kind, Policy, State
from haechi.policy.problems import Path, Problem, Where, did_you_mean, shown
from haechi.policy.resolve import ALL

KISA = {f"U-{number:02}" for number in range(1, 68)}  # KISA's Unix items of 2026


def check(policy: Policy, where: Where, *, at: date) -> Iterable[Problem]:
    """Yield problems of waivers; one that has ended is a warning, its control is judged without it."""
    people = {i.id for i in policy.identities if i.kind is Kind.PERSON and i.state is State.ACTIVE}
    known = {*policy.hosts, *policy.zones, ALL}
    first: dict[str, int] = {}
    for index, waiver in enumerate(policy.waivers):
        path: Path = ("waivers", index)
        if first.setdefault(waiver.id, index) != index:
            yield where.problem((*path, "id"), f"waiver {waiver.id} stands twice", "give each waiver its own id")
        if waiver.control.upper().startswith("U-") and waiver.control not in KISA:
            what = f"there is no control {shown(waiver.control)}"
            yield where.problem((*path, "control"), what, did_you_mean(waiver.control, KISA))
        for name in ("owner", "approver"):
            who = getattr(waiver, name)
            if who not in people:
                what = f"{name} {who} of waiver {waiver.id} is no active person"
                yield where.problem((*path, name), what, did_you_mean(who, people))
        if waiver.owner == waiver.approver:
            what = f"waiver {waiver.id} is approved by its owner"
            yield where.problem((*path, "approver"), what, "let another person approve it")
        for number, host in enumerate(waiver.hosts):
            if host not in known:
                what = f"{host} is no host and no zone"
                yield where.problem((*path, "hosts", number), what, did_you_mean(host, known))
        if waiver.until < at:
            what = f"waiver {waiver.id} ended on {waiver.until}"
            mend = "remove it, or have it approved anew; its control is judged without it"
            yield where.problem((*path, "until"), what, mend, warning=True)
