"""A bundle says what the ledger says: counted, dated, and never more than was proven."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from haechi.hr.ledger.states import ItemState, RevocationState
from haechi.hr.ledger.views import RevocationView
from haechi.hr.proof.statement import statement
from tests.unit.hr.proof import samples

PROVEN = samples.host("gw1", ItemState.PROVEN)


def test_a_proven_revocation_in_full() -> None:
    """Every figure has its denominator, every host its positive control, every record its digest."""
    row = samples.revocation(PROVEN, samples.host("app1", ItemState.PROVEN, tries=2))
    told = statement(samples.about(row))

    assert (told["_type"], told["predicateType"]) == ("https://in-toto.io/Statement/v1", "urn:haechi:revocation:1")
    assert told["subject"] == [
        {"name": f"runs/{'a' * 32}.json", "digest": {"sha256": "7" * 64}},
        {"name": "event", "digest": {"sha256": "5" * 64}},
    ]
    predicate = told["predicate"]
    assert predicate["revocation"] == {"number": 7, "person": "hana", "employment": 1, "act": "leave"}
    assert (predicate["verdict"], predicate["counts"]) == ("proven", {"hosts": 2, "proven": 2, "retired": 0, "open": 0})
    assert predicate["first_deny"] == "2026-11-26T09:00:02.000+00:00"
    assert (predicate["last_proof"], predicate["seconds"]) == ("2026-11-26T09:00:04.000+00:00", 4.0)
    assert predicate["event"]["sha256"] == "5" * 64
    assert predicate["runs"] == [
        {
            "record": f"runs/{'a' * 32}.json",
            "evidence": "20261126T090000Z-offboard-aaaaaa",
            "checkpoint": 41,
            "policy_sha256": "9" * 64,
        }
    ]
    assert predicate["hosts"][1] == {
        "host": "app1",
        "state": "proven",
        "shut": "2026-11-26T09:00:02.000+00:00",
        "proven": "2026-11-26T09:00:04.000+00:00",
        "tries": 2,
        "run": "a" * 32,
        "reasons": [],
        "control": {
            "had_access": True,
            "accepted_before": True,
            "denied_by_itself": False,
            "refused_now": "refused",
            "colleague_accepted": True,
            "host_confirms": True,
        },
        "retired": None,
    }


def test_nobody_is_named_who_need_not_be() -> None:
    """Neither what HR wrote, nor the colleague whose key was the control."""
    text = json.dumps(statement(samples.about(samples.revocation())))

    assert "burn-out" not in text
    assert "minho" not in text


@pytest.mark.parametrize(
    ("row", "verdict", "counts"),
    [
        pytest.param(
            samples.revocation(PROVEN, samples.unreachable("app1"), state=RevocationState.OPEN),
            "open",
            (1, 0, 1),
            id="one unreachable",
        ),
        pytest.param(
            samples.revocation(PROVEN, samples.unreachable("app1"), state=RevocationState.CLOSED),
            "open",
            (1, 0, 1),
            id="called closed with a host open",
        ),
        pytest.param(
            samples.revocation(PROVEN, samples.host("app1", ItemState.APPLIED), state=RevocationState.OPEN),
            "open",
            (1, 0, 1),
            id="shut and not proven",
        ),
        pytest.param(
            samples.revocation(PROVEN, samples.host("app1", ItemState.LEASED), state=RevocationState.OPEN),
            "open",
            (1, 0, 1),
            id="in work",
        ),
        pytest.param(samples.revocation(state=RevocationState.SUPERSEDED), "open", (2, 0, 0), id="broken off"),
        pytest.param(samples.revocation(PROVEN, samples.retired("db1")), "retired", (1, 1, 0), id="one retired"),
        pytest.param(samples.revocation(samples.retired("db1")), "retired", (0, 1, 0), id="all retired"),
        pytest.param(samples.revocation(state=RevocationState.CLOSED), "proven", (2, 0, 0), id="closed"),
    ],
)
def test_the_verdict_is_the_ledger_s(row: RevocationView, verdict: str, counts: tuple[int, int, int]) -> None:
    """Retired is never proven, and one open host leaves the whole open."""
    predicate = statement(samples.about(row))["predicate"]

    assert predicate["verdict"] == verdict
    assert (predicate["counts"]["proven"], predicate["counts"]["retired"], predicate["counts"]["open"]) == counts
    if verdict == "open":
        assert (predicate["last_proof"], predicate["seconds"]) == (None, None)


def test_an_open_host_says_why_and_proves_nothing() -> None:
    """Even where an earlier run of it looked like a proof."""
    row = samples.revocation(
        samples.host("app1", ItemState.PENDING, reasons=("timed out",), record=samples.DENIED, proven=samples.AT),
        state=RevocationState.OPEN,
    )
    [host] = statement(samples.about(row))["predicate"]["hosts"]

    assert (host["state"], host["reasons"]) == ("open", ["timed out"])
    assert (host["proven"], host["control"]) == (None, None)


def test_the_time_taken_counts_from_when_it_was_due() -> None:
    """Not from a request weeks ahead, nor from before a second person let it go on."""
    early = samples.revocation(asked=samples.AT - timedelta(days=30))
    held = samples.revocation(asked=samples.AT - timedelta(hours=1), released=samples.AT + timedelta(seconds=3))

    assert statement(samples.about(early))["predicate"]["seconds"] == 4.0
    assert statement(samples.about(held))["predicate"]["seconds"] == 1.0
