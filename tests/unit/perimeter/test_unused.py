"""Which flows are known to be unused, and since when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from haechi.observe.counted import Flows
from haechi.perimeter.unused import Idle, unused
from tests.unit.controls import world

AT = datetime(2026, 11, 24, 16, 40, tzinfo=UTC)
HR = {"name": "hr", "from": ["outside"], "to": ["edge1"], "ports": [8443], "reason": "HR"}
SQL = {"name": "sql", "from": ["app1"], "to": ["db1"], "ports": [5432], "reason": "Database"}
POLICY = world.with_policy(
    world.policy(),
    [{"at": ["flows"], "set": [HR, SQL]}, {"at": ["perimeter", "unused_days"], "set": 30}],
)


def days(number: int) -> datetime:
    return AT - timedelta(days=number)


def counted(hits: int, booted: int, since: int, *harvests: tuple[int, dict[str, int]]) -> Flows:
    """Return a host's counters of the flow ``hr``; times are days before now, harvests newest last."""
    rows: list[dict[str, Any]] = [{"at": days(day), "counters": counts} for day, counts in harvests]
    told = {"booted": days(booted), "since": days(since), "counters": {"hr": hits, "sql": 0}, "harvested": rows}
    return Flows.model_validate({**told, "harvested": tuple(rows)})


@pytest.mark.parametrize(
    ("edge", "since"),
    [
        (counted(0, 200, 40), 40),
        (counted(0, 200, 29), None),  # not known for so long
        (counted(1, 200, 40), None),
        (counted(0, 200, 5, (40, {"hr": 0}), (5, {"hr": 0})), 200),  # as far back as the boot
        (counted(0, 200, 5, (40, {"hr": 3}), (5, {"hr": 0})), 40),  # until the load 40 days ago somebody used it
        (counted(0, 200, 5, (40, {"hr": 0}), (5, {"hr": 3})), None),
        (counted(0, 200, 5, (40, {}), (5, {"hr": 0})), 40),  # there was no such flow before
        (counted(0, 5, 5), None),  # what was counted before the boot is lost
    ],
)
def test_a_flow_is_unused_since_the_last_count_that_is_known(edge: Flows, since: int | None) -> None:
    """Neither a load of new rules nor a boot makes it look used, nor unused for longer than anybody saw."""
    idle = unused(POLICY, {"edge1": edge, "gw1": counted(0, 300, 300)}, {"sql"}, AT)

    assert idle == (() if since is None else (Idle(flow="hr", since=days(since), hosts=("gw1", "edge1")),))


def test_a_flow_that_one_of_its_hosts_counted_is_used() -> None:
    """The gateway saw somebody whom the edge refused."""
    assert unused(POLICY, {"edge1": counted(0, 90, 90), "gw1": counted(2, 90, 90)}, {"sql"}, AT) == ()


def test_of_a_flow_whose_host_told_nothing_nobody_knows() -> None:
    """Neither it nor one that a host has no counter of is called unused."""
    lacking = counted(0, 90, 90).model_copy(update={"counters": {}})

    assert unused(POLICY, {"edge1": counted(0, 90, 90)}, {"sql"}, AT) == ()
    assert unused(POLICY, {"edge1": counted(0, 90, 90), "gw1": lacking}, {"sql"}, AT) == ()


def test_what_the_matrix_itself_tries_is_left_out() -> None:
    """Its counters go up at each audit, and do not tell who else was there."""
    seen = {host: counted(0, 90, 90) for host in ("app1", "db1", "gw1", "edge1")}

    assert [one.flow for one in unused(POLICY, seen, {"sql"}, AT)] == ["hr"]
    assert [one.flow for one in unused(POLICY, seen, {"sql", "hr"}, AT)] == []
