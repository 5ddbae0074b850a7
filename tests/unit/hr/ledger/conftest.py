"""The ledger of the unit tests, in SQLite; `tests/hr` runs the same tests on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.hr.ledger.build import Book, book


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an empty ledger, once: its migrations take longer than most tests."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    book(path).ledger.close()
    return path


@pytest.fixture
def ledger(tmp_path: Path, empty: Path) -> Iterator[Book]:
    """Open a ledger of its own."""
    path = tmp_path / "state/ledger.sqlite"
    path.parent.mkdir(mode=0o700)
    shutil.copy(empty, path)
    opened = book(path)
    yield opened
    opened.ledger.close()
