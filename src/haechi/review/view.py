"""A review as a page shows it: by person, hosts on which somebody has the very same access taken together. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from haechi.review.model import Difference, Review, Row

# Whom to look at first: nobody knows a stranger; a system account is last.
ORDER = ("stranger", "person", "break_glass", "service", "automation", "sentinel", "system")


@dataclass(frozen=True, kw_only=True)
class Line:
    """The same access on some hosts; ``differences`` are those of the first, the same on the others."""

    row: Row
    hosts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Person:
    """One account name over the site."""

    account: str
    name: str
    kind: str
    owner: str
    jobs: tuple[str, ...]
    lines: tuple[Line, ...]
    differences: int
    open: int


def people(review: Review) -> list[Person]:
    """Return everybody, those with an open difference first."""
    found: dict[str, list[Row]] = {}
    for row in review.rows:
        found.setdefault(row.account, []).append(row)
    shown = [_person(account, rows) for account, rows in found.items()]
    return sorted(shown, key=lambda one: (not one.open, ORDER.index(one.kind), one.account))


def differences(review: Review) -> list[tuple[Row, Difference]]:
    """Return all differences, the open ones first; of open ones what is surplus first."""
    order = ("surplus", "unknown", "missing")
    return sorted(review.differences(), key=lambda pair: (pair[1].waiver is not None, order.index(pair[1].kind)))


def _person(account: str, rows: list[Row]) -> Person:
    first = min(rows, key=lambda row: ORDER.index(row.kind))
    told = [one for row in rows for one in row.differences]
    return Person(
        account=account,
        name=first.name,
        kind=first.kind,
        owner=first.owner,
        jobs=tuple(dict.fromkeys(job for row in rows for job in row.jobs)),
        lines=tuple(_lines(rows)),
        differences=len(told),
        open=sum(one.waiver is None for one in told),
    )


def _lines(rows: Iterable[Row]) -> list[Line]:
    alike: dict[str, list[Row]] = {}
    for row in rows:
        alike.setdefault(_same(row), []).append(row)
    lines = [Line(row=members[0], hosts=tuple(row.host for row in members)) for members in alike.values()]
    return sorted(lines, key=lambda line: not line.row.differences)


def _same(row: Row) -> str:
    """Return what makes two rows one line: everything but the host and what numbers its differences."""
    bare = row.model_copy(
        update={"host": "", "differences": tuple(one.model_copy(update={"id": ""}) for one in row.differences)}
    )
    return bare.model_dump_json()
