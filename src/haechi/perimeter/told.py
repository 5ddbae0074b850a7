"""The zone matrix as a terminal shows it."""

from __future__ import annotations

from haechi.perimeter.matrix import Matrix, State

MARKS = {State.OPEN: "OPEN", State.BROKEN: "CUT", State.WORKS: "works", State.SHUT: "shut", State.UNSEEN: "?"}


def lines(matrix: Matrix) -> list[str]:
    """Return the matrix as lines, a zone's own line saying what from there was let through to each other."""
    width = max(map(len, (*matrix.zones, *MARKS.values()))) + 2
    head = "  from \\ to".ljust(width + 4) + "".join(zone.ljust(width) for zone in matrix.zones)
    rows = [
        f"  {source.ljust(width + 2)}"
        + "".join(MARKS[matrix.cells[source, target].state].ljust(width) for target in matrix.zones)
        for source in matrix.zones
    ]
    meaning = "works: what is declared; shut: the rest; OPEN: undeclared; CUT: declared; ?: not seen"
    return [line.rstrip() for line in (head, *rows)] + [f"  {meaning}"]
