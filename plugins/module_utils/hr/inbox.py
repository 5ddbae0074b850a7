"""Reads the inbox of this host's receiver, and forgets what the ledger has. Sent by the control node, needs nothing.

One line of JSON comes on standard input and one goes out, with the same ``nonce``. ``{"do": "after", "database",
"number", "limit", "bytes"}`` is answered by ``rows``: those that came after a number, in order, their bodies in base64
and no more of them than so many bytes; of the first row at least its beginning, whose whole length is ``size``.
``{"do": "rest", "database", "number", "offset", "bytes"}`` is answered by ``body``, ``{"do": "forget", "database",
"number"}`` by ``gone``: how many rows up to a number were removed.
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import stat
import sys
from contextlib import closing
from typing import Any
from urllib.parse import quote

COLUMNS = "number, id, source, kind, received, method, path, headers, context"
WAIT_S = 20.0


def step_down(database: str) -> None:
    """Become the owner of a database: what somebody else wrote is not read as root.

    Raises ``OSError`` for what is no plain file.
    """
    seen = os.lstat(database)
    if not stat.S_ISREG(seen.st_mode):
        raise OSError(f"{database}: no plain file")
    if os.geteuid() == 0 and seen.st_uid != 0:
        os.setgroups([])
        os.setgid(seen.st_gid)
        os.setuid(seen.st_uid)


def after(open_file: sqlite3.Connection, number: int, limit: int, most: int) -> list[dict[str, Any]]:
    """Return rows after a number, up to a count and up to so many bytes of bodies."""
    query = f"SELECT {COLUMNS}, length(body), substr(body, 1, ?) FROM inbox WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608 - a constant
    names = [*COLUMNS.split(", "), "size", "body"]
    rows: list[dict[str, Any]] = []
    left = most
    for found in open_file.execute(query, (most, number, limit)):
        row = dict(zip(names, found, strict=True))
        left -= len(row["body"])
        if rows and (left < 0 or len(row["body"]) < row["size"]):
            break
        row |= {name: json.loads(row[name]) for name in ("headers", "context")}
        rows.append({**row, "body": _text(row["body"])})
    return rows


def rest(open_file: sqlite3.Connection, number: int, offset: int, most: int) -> str:
    """Return a part of one row's body; empty where there is no more."""
    query = "SELECT substr(body, ?, ?) FROM inbox WHERE number = ?"
    found = open_file.execute(query, (offset + 1, most, number)).fetchone()
    return _text(found[0]) if found else ""


def forget(open_file: sqlite3.Connection, number: int) -> int:
    """Remove the rows up to a number."""
    with open_file:
        return open_file.execute("DELETE FROM inbox WHERE number <= ?", (number,)).rowcount


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked."""
    mode = "rw" if request["do"] == "forget" else "ro"
    place = f"file:{quote(request['database'])}?mode={mode}"
    with closing(sqlite3.connect(place, timeout=WAIT_S, uri=True)) as open_file:
        if request["do"] == "forget":
            return {"gone": forget(open_file, request["number"])}
        if request["do"] == "rest":
            return {"body": rest(open_file, request["number"], request["offset"], request["bytes"])}
        return {"rows": after(open_file, request["number"], request["limit"], request["bytes"])}


def _text(body: bytes) -> str:
    return base64.b64encode(body).decode()


def main() -> None:
    """Read the request and say the answer."""
    request = json.loads(sys.stdin.readline())
    try:
        step_down(request["database"])
        told = answer(request)
    except (OSError, sqlite3.Error) as error:
        told = {"failed": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps({**told, "nonce": request["nonce"]}) + "\n")


if __name__ == "__main__":
    main()
