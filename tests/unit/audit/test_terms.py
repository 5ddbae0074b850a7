"""The dates of people count on the day of the run, whenever its record is read."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from haechi import desired, policy, runs
from haechi.observe import logins
from haechi.policy.models import State
from haechi.policy.resolve import access_on, operators_on

EXAMPLE = Path(__file__).resolve().parents[3] / "inventories/example"
NOBODY: frozenset[str] = frozenset()


def run(at: str, tmp_path: Path, **terms: date) -> runs.Run:
    """Return a run at a moment, of a policy in which doyun has some terms, as it is read from its record."""
    loaded = policy.load(EXAMPLE).policy
    assert loaded is not None
    people = tuple(i.model_copy(update=terms) if i.id == "doyun" else i for i in loaded.identities)
    document: dict[str, Any] = runs.begin(loaded.model_copy(update={"identities": people}), NOBODY, tmp_path)
    return runs.read({**document, "at": at})


@pytest.mark.parametrize(
    ("terms", "at", "active"),
    [
        ({"end": date(2020, 6, 30)}, "2020-06-30T14:59:00+00:00", True),
        ({"end": date(2020, 6, 30)}, "2020-06-30T15:01:00+00:00", False),
        ({"start": date(2020, 7, 1)}, "2020-06-30T14:59:00+00:00", False),
        ({"start": date(2020, 7, 1)}, "2020-06-30T15:01:00+00:00", True),
        ({"training_until": date(2020, 7, 1)}, "2020-06-30T14:59:00+00:00", True),
        ({"training_until": date(2020, 7, 1)}, "2020-06-30T15:01:00+00:00", False),
    ],
)
def test_desired_state_doors_and_proofs_agree_on_the_day_of_the_run(
    terms: dict[str, date],
    at: str,
    active: bool,  # noqa: FBT001 - a case
    tmp_path: Path,
) -> None:
    """Midnight in Korea is 15:00 in UTC; that the day is long past when the record is read changes nothing."""
    seen = run(at, tmp_path, **terms)
    access = next(row for row in access_on(seen.policy, "app1", NOBODY) if row.identity.id == "doyun")
    document = desired.build(seen.policy, ["app1"], NOBODY)["app1"]
    account = next(row for row in document["accounts"]["accounts"] if row["id"] == "doyun")
    operators = [row.identity.id for row in operators_on(seen.policy, "app1", NOBODY)]

    assert access.state is (State.ACTIVE if active else State.DISABLED)
    assert account["state"] == ("active" if active else "disabled")
    assert logins.expected(seen.policy, "app1", NOBODY)["doyun"] == ("accepted" if active else "refused")
    assert ("doyun" in operators) is active
    assert ("doyun" in [row["id"] for row in document["prove"]["operators"]]) is active


def test_the_record_keeps_what_policy_says(tmp_path: Path) -> None:
    """Dates stand in it as dates: who reads it sees why somebody was shut out."""
    loaded = policy.load(EXAMPLE).policy
    assert loaded is not None
    document = runs.begin(loaded, NOBODY, tmp_path)
    seojun = next(row for row in document["policy"]["identities"] if row["id"] == "seojun")

    assert (seojun["state"], seojun["end"]) == ("active", "2027-12-31")
