"""Registers: owned and signed by people, once each, and never in the future."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from haechi.policy.models import Kind, Policy
from haechi.policy.problems import Path, Problem, Where, did_you_mean


def check(policy: Policy, where: Where, *, at: date) -> Iterable[Problem]:
    """Yield problems of registers. People who have left may stand under old sign-offs, so any person will do."""
    people = {i.id for i in policy.identities if i.kind is Kind.PERSON}
    first: dict[str, int] = {}
    for index, register in enumerate(policy.registers):
        path: Path = ("registers", index)
        if first.setdefault(register.id, index) != index:
            yield where.problem((*path, "id"), f"register {register.id} stands twice", "give each register its own id")
        if register.owner not in people:
            what = f"owner {register.owner} of register {register.id} is no person"
            yield where.problem((*path, "owner"), what, did_you_mean(register.owner, people))
        for number, signed in enumerate(register.signed):
            place: Path = (*path, "signed", number)
            if signed.by not in people:
                what = f"{signed.by}, who signed register {register.id}, is no person"
                yield where.problem((*place, "by"), what, did_you_mean(signed.by, people))
            if signed.date > at:
                what = f"register {register.id} is signed on {signed.date}, which has not come"
                yield where.problem((*place, "date"), what, "write the day on which it was signed")
