"""A stand-in for an eKYC API, to be attacked: it keeps what it is sent, and two of its doors are open on purpose.

It runs on a machine of its own, with nothing of Haechi there: ``ekyc.py ADDRESS PORT``. Its database is PostgreSQL
where ``EKYC_DATABASE`` says how to reach it (libpq's words), and SQLite in memory elsewhere.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sqlite3
import sys
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PEOPLE = [("홍길동", "verified"), ("이하나", "pending"), ("김민호", "verified")]
FOLDER = "/usr/share/common-licenses/"
TABLES = (
    "create table if not exists people (name text primary key, state text)",
    "create table if not exists cards (name text, sha256 text, bytes integer)",
)


class Database:
    """One of two databases, a connection a question."""

    def __init__(self, words: str) -> None:
        """Take libpq's words for PostgreSQL, "" for SQLite, and make the tables."""
        self._words = words
        self._module: Any = importlib.import_module("psycopg2") if words else sqlite3
        self._memory = None if words else sqlite3.connect(":memory:", check_same_thread=False)
        self._alone = threading.Lock()
        self.errors: type[Exception] = self._module.Error
        self._mark = "%s" if words else "?"
        for table in TABLES:
            self.ask(table)
        for row in PEOPLE:
            self.ask("insert into people values (?, ?) on conflict do nothing", *row)

    def ask(self, query: str, *values: object) -> list[list[Any]]:
        """Return the rows of a query, none for one that has no rows."""
        if self._memory is not None:
            with self._alone:
                return self._rows(self._memory, query, values)
        with closing(self._module.connect(self._words)) as connection:
            return self._rows(connection, query, values)

    def _rows(self, connection: Any, query: str, values: tuple[object, ...]) -> list[list[Any]]:
        cursor = connection.cursor()
        # Without values psycopg2 leaves a percent sign alone, as an attacker would write one.
        cursor.execute(query.replace("?", self._mark) if values else query, *((values,) if values else ()))
        found = [list(row) for row in cursor.fetchall()] if cursor.description else []
        connection.commit()
        return found


class Api(BaseHTTPRequestHandler):
    """People are looked up, cards are uploaded; all else is told what arrived."""

    protocol_version = "HTTP/1.1"
    # Head and body are two writes. By Nagle's algorithm the second waits for the other end to acknowledge the first,
    # which it does 40 ms late (RFC 1122, 4.2.3.2): all that is measured would be that.
    disable_nagle_algorithm = True
    database: Database

    def do_GET(self) -> None:
        """Answer by path; a request that the database cannot read is the database's own error."""
        asked = urlsplit(self.path)
        words = {name: values[0] for name, values in parse_qs(asked.query, keep_blank_values=True).items()}
        try:
            said: object = self.said(asked.path, words)
        except self.database.errors as error:
            self.tell(500, {"error": str(error)})
        else:
            self.tell(200, said)

    def said(self, path: str, words: dict[str, str]) -> object:
        """Return what there is to say: people, a file, or what arrived."""
        name = words.get("name", "")
        if path == "/search":
            return self.database.ask(f"select name, state from people where name = '{name}'")  # noqa: S608 - to be attacked
        if path == "/lookup":
            return self.database.ask("select name, state from people where name = ?", name)
        if path == "/file":
            return Path(FOLDER + words.get("name", "GPL-3")).read_text()[:200]
        body = self.body()
        if path == "/cards" and body["bytes"]:
            self.database.ask("insert into cards values (?, ?, ?)", name, body["sha256"], body["bytes"])
        elif path == "/cards":
            return self.database.ask("select sha256, bytes from cards where name = ?", name)
        return {"path": path, "words": words, "agent": self.headers.get("User-Agent"), "body": body}

    do_POST = do_GET  # noqa: N815 - the name that the library calls

    def body(self) -> dict[str, object]:
        """Return the size and digest of the body."""
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    def tell(self, status: int, said: object) -> None:
        """Answer in JSON."""
        text = json.dumps(said, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_words: object) -> None:
        """Say nothing: what was asked may be about a person."""


if __name__ == "__main__":
    Api.database = Database(os.environ.get("EKYC_DATABASE", ""))
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Api).serve_forever()
