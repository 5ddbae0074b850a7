"""``make siege``: what the attacks of the stories came to, as a table and as ``artifacts/siege.json``.

Beside them stand figures of the way that traffic takes: with and without inspection, and how long a fail-over lasts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

KEPT = 99


def read(lines: str) -> list[dict[str, Any]]:
    """Return a row an attack and a figure, the last of each name; ``molecule/siege.py`` says what is in one."""
    rows: dict[str, dict[str, Any]] = {}
    for line in lines.splitlines():
        row = json.loads(line)
        rows[row.get("attack") or row["figure"]] = row
    return list(rows.values())


def wrong(rows: list[dict[str, Any]]) -> list[str]:
    """Return what did not hold, a line each: an attack that passed, or others who paid for it."""
    found = [f"{row['attack']}: not blocked" for row in rows if not row["blocked"]]
    return found + [
        f"{r['attack']}: {r['kept']:.1f} % kept" for r in rows if r["kept"] is not None and r["kept"] < KEPT
    ]


def shown(figures: list[dict[str, Any]]) -> str:
    """Return the figures for people."""
    return "".join(f"  {row['figure']:<60} {row['value']:>9.2f} {row['unit']}\n" for row in figures)


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows for people."""
    lines = []
    for row in rows:
        kept = "" if row["kept"] is None else f"{row['kept']:.0f} % of others kept"
        after = "" if row["seconds"] is None else f"after {row['seconds']:.1f} s"
        said = "blocked" if row["blocked"] else "PASSED"
        lines.append(f"  {row['attack']:<38} {said:<8} {row['seen']:<28} {kept:<21} {after}".rstrip())
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Read the lines of a run, write ``siege.json`` beside them, and return 1 where an attack passed."""
    if len(arguments) != 1 or not Path(arguments[0]).is_file():
        sys.stderr.write("usage: python -m tests.siege LINES (what HAECHI_SIEGE named; `make siege` does it all)\n")
        return 2
    lines = Path(arguments[0])
    told = read(lines.read_text())
    rows, figures = [row for row in told if "attack" in row], [row for row in told if "figure" in row]
    bad = wrong(rows)
    body = {"attacks": rows, "figures": figures, "wrong": bad}
    lines.with_name("siege.json").write_text(json.dumps(body, indent=2) + "\n")
    sys.stdout.write(f"{table(rows)}\n{shown(figures)}{len(rows)} attacks, {len(rows) - len(bad)} as they should be\n")
    return 1 if bad or not rows else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
