"""The zone matrix for readers: where its picture's marks stand, and the few lines that all attempts amount to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from haechi.perimeter.matrix import Attempt, Cell, Matrix, State

# From what needs somebody to what does not.
ORDER = (State.OPEN, State.BROKEN, State.UNSEEN, State.WORKS, State.SHUT)
CELL_WIDTH, CELL_HEIGHT, LEFT, TOP, LETTER = 104, 46, 90, 30, 8
SHOWN = 8  # names in a list before it says how many more there are


@dataclass(frozen=True, kw_only=True)
class Ways:
    """Attempts between two zones that came out alike. ``ms`` is the slowest answer's time, None where none came."""

    state: State
    flow: str
    services: tuple[str, ...]
    hosts: tuple[str, ...]
    targets: tuple[str, ...]
    results: tuple[str, ...]
    ms: int | None


@dataclass(frozen=True, kw_only=True)
class Square:
    """A cell of the picture with its place, the number that stands in it, and the lines behind it."""

    x: float
    y: float
    cell: Cell
    number: int
    ways: tuple[Ways, ...]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Zones by zones: each row is where attempts came from, each column where they went."""

    width: float
    height: float
    columns: tuple[tuple[float, str], ...]
    rows: tuple[tuple[float, str], ...]
    squares: tuple[Square, ...]


def picture(matrix: Matrix) -> Picture:
    """Return where everything stands."""
    left = max(LEFT, LETTER * max(map(len, matrix.zones)) + 14)
    across = {zone: left + index * CELL_WIDTH for index, zone in enumerate(matrix.zones)}
    down = {zone: TOP + index * CELL_HEIGHT for index, zone in enumerate(matrix.zones)}
    squares = [
        Square(x=across[target], y=down[source], cell=cell, number=cell.count(cell.state), ways=_ways(cell.attempts))
        for (source, target), cell in matrix.cells.items()
        if source in down and target in across
    ]
    return Picture(
        width=left + CELL_WIDTH * len(across) + 2,
        height=TOP + CELL_HEIGHT * len(down) + 2,
        columns=tuple((x + CELL_WIDTH / 2, zone) for zone, x in across.items()),
        rows=tuple((y + CELL_HEIGHT / 2 + 4, zone) for zone, y in down.items()),
        squares=tuple(squares),
    )


def _ways(attempts: Iterable[Attempt]) -> tuple[Ways, ...]:
    alike: dict[tuple[State, str], list[Attempt]] = {}
    for attempt in attempts:
        alike.setdefault((attempt.state, attempt.flow), []).append(attempt)
    found = [
        Ways(
            state=state,
            flow=flow,
            services=_services(members),
            hosts=_few(one.host for one in members),
            targets=_few(one.to for one in members),
            results=tuple(sorted({one.result for one in members})),
            ms=max((one.ms for one in members if one.result in {"open", "refused"}), default=None),
        )
        for (state, flow), members in alike.items()
    ]
    return tuple(sorted(found, key=lambda ways: (ORDER.index(ways.state), ways.flow)))


def _services(attempts: Iterable[Attempt]) -> tuple[str, ...]:
    """Return protocols with their ports: ``tcp 22, 80``."""
    ports: dict[str, set[int]] = {}
    for attempt in attempts:
        ports.setdefault(attempt.proto, set()).add(attempt.port)
    return tuple(
        proto if proto == "icmp" else f"{proto} {', '.join(map(str, sorted(found)))}"
        for proto, found in sorted(ports.items())
    )


def _few(names: Iterable[str]) -> tuple[str, ...]:
    told = sorted(set(names))
    return tuple(told if len(told) <= SHOWN else [*told[:SHOWN], f"+{len(told) - SHOWN}"])
