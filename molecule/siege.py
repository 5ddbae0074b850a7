"""What the attacks of the stories came to, and figures of the way they take, a line each; `make siege` reads them."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One attack: whether it was blocked, where that is seen, and what it cost others.

    ``kept`` is how many of a hundred visits of somebody else worked meanwhile, ``seconds`` how long it went on before
    it was blocked; None where there was nobody beside it, or nothing to wait for.
    """

    attack: str
    blocked: bool
    seen: str
    kept: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Figure:
    """Something measured, such as the requests a second of one client, with its unit; nothing is expected of it."""

    figure: str
    value: float
    unit: str


def record(row: Row | Figure) -> None:
    """Add a line to the file that ``HAECHI_SIEGE`` names, if it names one."""
    if place := os.environ.get("HAECHI_SIEGE"):
        with Path(place).open("a") as file:
            file.write(json.dumps(asdict(row)) + "\n")
