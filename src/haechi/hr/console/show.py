"""The ledger on a terminal and as JSON: what is going on, what is open, what waits for people."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from haechi.hr.console.place import Place
from haechi.hr.ledger.matters import BREAKER
from haechi.hr.ledger.states import RevocationState
from haechi.hr.status import board as boards
from haechi.hr.status.board import Board, Leaving, Line, Stand
from haechi.report.words import pair

EVERY_S = 1.0
# Nothing more will be seen of these by watching: they are over, or wait for a person or a day to come.
ENDED = (RevocationState.PROVEN, RevocationState.CLOSED, RevocationState.SUPERSEDED)
STILL = (RevocationState.PAUSED, RevocationState.WAITING)
STYLES = {Stand.PROVEN: "green", Stand.UNREACHABLE: "yellow", Stand.UNKNOWN: "yellow", Stand.APPLIED: "cyan"}


def read(place: Place) -> Board:
    """Return what is to be shown. Raises ``LedgerError``."""
    return place.ledger.read(boards.read, place.hr.sla, place.names)


def one(place: Place, number: int) -> Leaving:
    """Return one leaving. Raises ``LedgerError``."""
    return place.ledger.read(boards.one, number, place.hr.sla, place.names)


def table(board: Board, zone: ZoneInfo) -> Group:
    """Return everything at a glance for a terminal."""
    going = _table("No.", "Person", "State", "Clock", "Proven", "Open hosts")
    for row in (*board.going, *board.over):
        going.add_row(*_row(row, zone))
    parts: list[Any] = [going if board.going or board.over else Text("Nobody was ever put out.")]
    if board.matters:
        matters = _table("No.", "Waits for people", "About", "Since")
        for matter in board.matters:
            style = "bold red" if matter.kind == BREAKER else ""
            kind = Text(pair(f"pg_kind_{matter.kind}").en, style=style)
            matters.add_row(str(matter.number), kind, Text(safe(matter.about)), _at(matter.opened, zone))
        parts += [Text(), matters, Text("settle one:  haechi hr approve write --matter NO --as ID", style="dim")]
    return Group(*parts)


def page(row: Leaving, zone: ZoneInfo) -> Group:
    """Return one leaving with all its hosts for a terminal."""
    head = _table("No.", "Person", "State", "Clock", "Proven", "Open hosts")
    head.add_row(*_row(row, zone))
    hosts = _table("Hosts", "State", "Since", "Tries", "What stands against proof")
    for (stand, reasons), lines in _alike(row).items():
        since = min(line.view.proven or line.view.applied or row.begins for line in lines)
        tries = max(line.view.tries for line in lines)
        names = ", ".join(line.view.host for line in lines)
        why = Text("\n".join(map(safe, reasons)))
        hosts.add_row(names, _stand(stand, lines), _at(since, zone), str(tries), why)
    return Group(head, Text(f"{row.view.act}: {safe(row.view.reason)}", style="dim"), hosts)


def as_json(rows: Collection[Leaving], board: Board | None = None) -> str:
    """Return leavings, and with a board what waits for people, as JSON; times have their zone, lengths are seconds."""
    told: dict[str, Any] = {"revocations": [_document(row) for row in rows]}
    if board is not None:
        told |= {"at": board.now.isoformat(), "matters": [asdict(row) for row in board.matters]}
    return json.dumps(told, ensure_ascii=False, indent=2, default=_plain)


def watch(place: Place, numbers: Collection[int], console: Console) -> bool:
    """Show leavings until nothing more will be seen of them; return whether all of them are proven.

    Without ``numbers`` it is all that go on. Raises ``LedgerError`` and ``KeyboardInterrupt``.
    """
    if not numbers:
        numbers = [row.view.number for row in read(place).going]
    told = ""
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while True:
            rows = [one(place, number) for number in numbers]
            shown = "\n".join(_line(row) for row in rows)
            if console.is_terminal:
                live.update(Group(*(page(row, place.zone) for row in rows)), refresh=True)
            elif shown != told:
                console.print(shown, markup=False, highlight=False, soft_wrap=True)
            told = shown
            if all(row.view.state in ENDED + STILL for row in rows):
                return all(row.view.state in ENDED for row in rows)
            time.sleep(EVERY_S)


def safe(text: str) -> str:
    """Return a text of the outside for a terminal: what would steer it is made visible."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _row(row: Leaving, zone: ZoneInfo) -> tuple[str | Text, ...]:
    name = f"{row.view.person} {row.name}".strip()
    hosts = ", ".join(line.view.host for line in row.open[:6])
    more = f" +{len(row.open) - 6}" if len(row.open) > 6 else ""  # noqa: PLR2004 -- as many as fit a line
    state = Text(pair(f"pg_state_{row.view.state}").en, style="green" if row.view.state in ENDED else "bold")
    done = f"{row.count(Stand.PROVEN)}/{len(row.lines)}"
    return str(row.view.number), Text(name), state, _clock(row, zone), done, hosts + more


def _clock(row: Leaving, zone: ZoneInfo) -> Text:
    if row.view.state is RevocationState.WAITING:
        return Text(f"from {_at(row.view.effective, zone)}")
    if row.view.state is RevocationState.OPEN:
        seconds = int(row.left.total_seconds())
        return Text(f"late by {-seconds} s", style="bold red") if row.late else Text(f"{seconds} s left")
    return Text("" if row.seconds is None else f"proven in {row.seconds:.1f} s")


def _line(row: Leaving) -> str:
    """Return a leaving in one line, which changes only where something happened."""
    counts = [f"{row.count(stand)} {pair(f'pg_stand_{stand}').en}" for stand in Stand if row.count(stand)]
    state = pair(f"pg_state_{row.view.state}").en
    return f"{row.view.number} {row.view.person}: {state}, {', '.join(counts)}{', LATE' if row.late else ''}"


def _alike(row: Leaving) -> Mapping[tuple[Stand, tuple[str, ...]], list[Line]]:
    """Return the hosts that stand alike for the same reasons: of a hundred there are few kinds."""
    kinds: dict[tuple[Stand, tuple[str, ...]], list[Line]] = {}
    for line in (*row.open, *row.ended):
        kinds.setdefault((line.stand, line.view.reasons), []).append(line)
    return kinds


def _stand(stand: Stand, lines: Collection[Line]) -> Text:
    seconds = [line.seconds for line in lines if line.seconds is not None]
    after = f" within {max(seconds):.1f} s" if seconds else ""
    return Text(pair(f"pg_stand_{stand}").en + after, style=STYLES.get(stand, ""))


def _document(row: Leaving) -> dict[str, Any]:
    view = asdict(row.view)
    view["hosts"] = [{**asdict(line.view), "stand": line.stand, "seconds": line.seconds} for line in row.lines]
    return {**view, "name": row.name, "begins": row.begins, "late": row.late, "left": row.left, "seconds": row.seconds}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.total_seconds() if isinstance(value, timedelta) else str(value)


def _at(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _table(*columns: str) -> Table:
    made = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        made.add_column(column)
    return made
