"""What records come to: nothing counts that another run saw, and nothing is more than was seen."""

from __future__ import annotations

from typing import Any

import pytest

from haechi.hr.work import results
from haechi.hr.work.order import Order, Seen

NONCE = "0123456789abcdef0123456789abcdef"
ORDER = Order(person="hana", hosts=("a", "b"), nonce=NONCE)
WHOLE = {"run": "20260101T000000Z-offboard-aaaaaa", "problem": ""}


def record(a: dict[str, Any], **names: Any) -> dict[str, Any]:
    hosts = {"a": a, "b": {"status": "left out", "reasons": ["not part of this run"], "left_out": True}}
    return {"schema": 1, "person": "hana", "check": False, "nonce": NONCE, "nobody": False, "hosts": hosts} | names


@pytest.mark.parametrize(
    ("row", "seen", "proven_s"),
    [
        pytest.param({"status": "denied", "shut_s": 1.0, "denied_s": 2.0}, Seen.PROVEN, 2.0, id="denied"),
        pytest.param({"status": "unknown", "shut_s": 1.0, "denied_s": 2.0}, Seen.APPLIED, None, id="shut, no proof"),
        pytest.param({"status": "unknown"}, Seen.UNKNOWN, None, id="unknown"),
        pytest.param({"status": "unreachable"}, Seen.UNREACHABLE, None, id="unreachable"),
        pytest.param({"status": "unreachable", "shut_s": 1.0}, Seen.APPLIED, None, id="shut, then gone"),
        pytest.param({"status": "open"}, Seen.UNKNOWN, None, id="a word of a look ahead"),
        pytest.param({"status": "shut"}, Seen.UNKNOWN, None, id="another"),
        pytest.param({}, Seen.UNKNOWN, None, id="no word"),
    ],
)
def test_what_was_seen_of_a_host(row: dict[str, Any], seen: Seen, proven_s: float | None) -> None:
    """Proven is what ``haechi.offboard`` calls denied, and nothing else."""
    came = results.outcome(ORDER, record(row | {"reasons": ["why"]}), WHOLE)

    assert came.hosts["a"].seen is seen
    assert (came.hosts["a"].proven_s, came.hosts["a"].reasons) == (proven_s, ("why",))
    assert came.document["evidence"] == "20260101T000000Z-offboard-aaaaaa"


def test_a_host_that_took_no_part_is_missing_and_said_to_be() -> None:
    """An inventory that lost a host proves nothing of it."""
    came = results.outcome(ORDER, record({"status": "denied"}), WHOLE)

    assert set(came.hosts) == {"a"}
    assert came.fault == "not part of the run: b: do inventory (group managed) and policy name them?"


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        pytest.param(None, "the run left no record", id="none"),
        pytest.param([], "the run left no record", id="no record at all"),
        pytest.param({}, "the run's record is not this order's (schema, nonce, person, check)", id="empty"),
        pytest.param(
            record({"status": "denied"}, nonce="f" * 32), "the run's record is not this order's (nonce)", id="nonce"
        ),
        pytest.param(record({"status": "denied"}, schema=2), "the run's record is not this order's (schema)", id="new"),
        pytest.param(
            record({"status": "denied"}, person="minho"), "the run's record is not this order's (person)", id="person"
        ),
        pytest.param(
            record({"status": "denied"}, check=True), "the run's record is not this order's (check)", id="dry"
        ),
        pytest.param(
            record({"status": "denied"}, hosts=[]), "the run's record is not this order's (hosts)", id="hosts"
        ),
        pytest.param(
            record({"status": "denied"}, nobody=True),
            "nobody knows hana: not in policy, no tombstone, no account on any host",
            id="nobody",
        ),
    ],
)
def test_another_s_record_counts_as_nothing(told: object, fault: str) -> None:
    """Left over, replayed, of another schema or of a look ahead."""
    came = results.outcome(ORDER, told, WHOLE)

    assert (came.hosts, came.document, came.fault) == ({}, {}, fault)


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        pytest.param({"run": "r", "problem": "the disk is full"}, "the disk is full", id="disk full"),
        pytest.param(None, "it began none, or ended early", id="no word of it"),
    ],
)
def test_without_evidence_nothing_is_proven(evidence: object, why: str) -> None:
    """The host is shut, and the proof is to be made again."""
    one = Order(person="hana", hosts=("a",), nonce=NONCE)
    came = results.outcome(one, record({"status": "denied", "denied_s": 2.0, "reasons": []}), evidence, ("a fault",))

    words = f"the run left no whole evidence: {why}"
    assert (came.hosts["a"].seen, came.hosts["a"].reasons, came.hosts["a"].proven_s) == (Seen.APPLIED, (words,), None)
    assert came.fault == f"a fault; {words}"
