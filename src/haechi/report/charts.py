"""Where the marks of the three charts stand; the templates draw them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from haechi.controls.model import Status
from haechi.report.model import HostView, Point, Report, Tally

# From what needs somebody to what does not: a bar reads from its left end.
ORDER = (Status.PASS, Status.FAIL, Status.UNKNOWN, Status.WAIVED, Status.MANUAL, Status.NOT_APPLICABLE)
CELL_WIDTH, CELL_HEIGHT, LABEL_WIDTH, LETTER = 11, 18, 84, 5.2
PLOT_LEFT, PLOT_RIGHT, PLOT_TOP, PLOT_BOTTOM, PLOT_WIDTH, PLOT_HEIGHT, PLOT_INSET = 32, 6, 24, 34, 520, 210, 24
LABEL_ROOM = 52


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A part of a stacked bar."""

    status: Status
    x: float
    width: float


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A verdict in the heat map."""

    x: float
    control: str
    status: Status


@dataclass(frozen=True, kw_only=True)
class Line:
    """A host's line of the heat map."""

    host: HostView
    y: float
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True)
class Heat:
    """Hosts by controls."""

    width: float
    height: float
    top: float
    columns: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A run in the trend; labelled where there is room."""

    x: float
    y: float
    at: datetime
    rate: float
    labelled: bool


@dataclass(frozen=True, kw_only=True)
class Trend:
    """Pass rates over time, from 0 to 100 percent."""

    dots: tuple[Dot, ...]
    rules: tuple[tuple[float, int], ...]


def bar(tally: Tally, width: float) -> tuple[Slice, ...]:
    """Return the parts of a bar; statuses that do not occur have none."""
    found: list[Slice] = []
    x = 0.0
    for status in ORDER:
        share = width * tally.counts[status] / tally.total if tally.total else 0
        if share:
            found.append(Slice(status=status, x=round(x, 2), width=round(share, 2)))
        x += share
    return tuple(found)


def heat(report: Report) -> Heat:
    """Return the map of the controls that this run judged on hosts."""
    hosts = [view for view in report.hosts if view.rows]
    judged = [view for view in report.controls if view.groups]
    place = {view.control.id: LABEL_WIDTH + index * CELL_WIDTH for index, view in enumerate(judged)}
    top = 12 + LETTER * max((len(name) for name in place), default=0)
    return Heat(
        width=LABEL_WIDTH + len(judged) * CELL_WIDTH + 4,
        height=top + len(hosts) * CELL_HEIGHT + 4,
        top=top,
        columns=tuple((x, name) for name, x in place.items()),
        lines=tuple(
            Line(
                host=host,
                y=top + index * CELL_HEIGHT,
                cells=tuple(Cell(x=place[row.control], control=row.control, status=row.status) for row in host.rows),
            )
            for index, host in enumerate(hosts)
        ),
    )


def trend(points: Sequence[Point]) -> Trend:
    """Return the line of pass rates; a run in which nothing was judged by machine has no place on it."""
    rated = [(point, rate) for point in points if (rate := point.tally.rate) is not None]
    places = _across([point.at for point, _ in rated])
    dots = [
        Dot(x=x, y=_height(rate), at=point.at, rate=rate, labelled=labelled)
        for (point, rate), x, labelled in zip(rated, places, _named(places), strict=True)
    ]
    return Trend(dots=tuple(dots), rules=tuple((_height(percent), percent) for percent in (0, 25, 50, 75, 100)))


def _across(times: Sequence[datetime]) -> list[float]:
    left = PLOT_LEFT + PLOT_INSET
    room = PLOT_WIDTH - PLOT_RIGHT - PLOT_INSET - left
    span = (times[-1] - times[0]).total_seconds() if times else 0
    if not span:
        return [left + room / 2 for _ in times]
    return [round(left + room * (at - times[0]).total_seconds() / span, 1) for at in times]


def _height(percent: float) -> float:
    return round(PLOT_TOP + (PLOT_HEIGHT - PLOT_TOP - PLOT_BOTTOM) * (1 - percent / 100), 1)


def _named(places: Sequence[float]) -> list[bool]:
    """Return which dots have room for a label; the last one always has."""
    named: list[bool] = []
    left = float("inf")
    for x in reversed(places):
        named.append(left - x >= LABEL_ROOM)
        left = x if named[-1] else left
    return named[::-1]
