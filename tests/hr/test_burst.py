"""A small burst on both databases: nothing is lost, and nobody leaves twice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.hr import burst, faults, site
from tests.hr.site import Setup
from tests.postgres import Postgres

PEOPLE = tuple(f"p{number}" for number in range(40))


@pytest.mark.parametrize("engine", faults.ENGINES)
def test_of_a_burst_in_any_order_nothing_is_lost_or_doubled(engine: str, tmp_path: Path, postgres: Postgres) -> None:
    site.prepare(tmp_path / "site")
    where = postgres.fresh() if engine == "procrastinate" else str(tmp_path / "ledger.sqlite")
    messages = burst.burst(tmp_path / "site", PEOPLE, random.Random(7))  # noqa: S311 -- to be repeatable
    setup = Setup(folder=tmp_path / "site", where=where, engine=engine, people=PEOPLE)
    figures = burst.measure(setup, messages, site.sight(PEOPLE, hosts=burst.HOSTS))
    assert (figures.messages, figures.distinct, figures.lost, figures.doubled) == (56, 44, 0, 0)
