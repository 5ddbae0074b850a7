"""A PostgreSQL of the tests' own, and ledgers in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from haechi.hr.ledger.tables import METADATA
from tests.hr import site
from tests.hr.site import Setup
from tests.postgres import Postgres, postgres
from tests.unit.hr.ledger.build import Book, book

__all__ = ["postgres"]


@pytest.fixture(scope="session")
def database(postgres: Postgres) -> str:
    """Make the database that `ledger` empties for each test."""
    return postgres.fresh()


@pytest.fixture
def ledger(database: str) -> Iterator[Book]:
    """Open an empty ledger whose clock stands."""
    opened = book(database)
    with opened.ledger.engine.begin() as connection:
        names = ", ".join(f'"{table}"' for table in METADATA.tables)
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
    yield opened
    opened.ledger.close()


@pytest.fixture
def setup(tmp_path: Path, postgres: Postgres) -> Setup:
    """Make a site for whole processes, with the engine of several controllers."""
    made = Setup(
        folder=tmp_path / "site", where=postgres.fresh(), engine="procrastinate", people=("hana", "bora"), lease_s=8
    )
    site.prepare(made.folder)
    return made
