"""The short form of `make hr-faults`: a few deaths of each engine, from a seed that the failure tells."""

from __future__ import annotations

import secrets

import pytest

from tests.hr import faults
from tests.postgres import Postgres


@pytest.mark.parametrize("engine", faults.ENGINES)
def test_nothing_is_lost_doubled_or_proven_falsely(engine: str, postgres: Postgres) -> None:
    seed = secrets.randbelow(10**6)
    with faults.trial(engine, 2, seed, postgres) as trial:
        told = trial.run(2).document()
    assert told["what_went_wrong"] == {}, f"seed {seed}"
    assert (told["rounds"], sum(told["deaths"].values())) == (2, 2)
