"""The record of logins as both releases keep it."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.accounts import logins
from ansible_collections.haechi.guard.plugins.module_utils.accounts.logins import NoRecordError

DAY = 86400
TABLE = "CREATE TABLE Lastlog2(Name TEXT PRIMARY KEY, Time INTEGER, TTY TEXT, RemoteHost TEXT, Service TEXT)"


def database(path: Path, **times: int) -> str:
    """Write a database as pam_lastlog2 does."""
    with closing(sqlite3.connect(path)) as made, made:
        made.execute(TABLE)
        made.executemany("INSERT INTO Lastlog2 VALUES (?, ?, 'ssh', '10.0.0.1', 'sshd')", times.items())
    return str(path)


def test_the_database_gives_the_day_of_each_login(tmp_path: Path) -> None:
    """Of whom it names, and of nobody else; zero is no login."""
    assert logins.from_database(database(tmp_path / "x", ann=20000 * DAY + 1, bob=0)) == {"ann": 20000}


def test_a_database_that_is_none_is_no_record(tmp_path: Path) -> None:
    """Nobody is called away by what cannot be read, and nothing is written."""
    (tmp_path / "x").write_text("no database at all, but long enough to look like one" * 40)

    with pytest.raises(NoRecordError):
        logins.from_database(str(tmp_path / "x"))
    with pytest.raises(NoRecordError):
        logins.from_database(str(tmp_path / "absent"))
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize(("machine", "layout"), [("x86_64", "=i32s256s"), ("aarch64", "=q32s256s")])
def test_the_file_has_a_record_at_each_number(tmp_path: Path, machine: str, layout: str) -> None:
    """Of 292 or 296 bytes; a hole, a record cut short and no file at all are no login."""
    record = struct.Struct(layout)
    path = tmp_path / "lastlog"
    with path.open("wb") as file:
        file.seek(1001 * record.size)
        file.write(record.pack(20000 * DAY, b"pts/0", b"10.0.0.1"))
        file.seek(1003 * record.size)
        file.write(b"\x01\x02")
    people = {"ann": 1001, "bob": 1002, "cut": 1003, "beyond": 60000}

    assert logins.from_file(path, people, machine) == {"ann": 20000}
    assert logins.from_file(tmp_path / "absent", people, machine) == {}


def test_who_records_stands_in_pam() -> None:
    """A stack without either module records nobody, and one in a comment is none."""
    assert logins.recorder("session optional pam_lastlog2.so\n") == "lastlog2"
    assert logins.recorder("session required pam_unix.so\nsession\toptional\tpam_lastlog.so nowtmp\n") == "lastlog"
    for stack in ("", "session required pam_unix.so\n", "# session optional pam_lastlog2.so\n"):
        with pytest.raises(NoRecordError, match="run the role baseline"):
            logins.recorder(stack)
