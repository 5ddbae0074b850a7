"""What a run's tries amount to, pair of zones by pair of zones."""

from __future__ import annotations

from typing import Any

import pytest

from haechi.observe.observation import Observation
from haechi.perimeter import matrix
from haechi.perimeter.matrix import State
from tests.unit.controls import world

SQL = {"name": "sql", "from": ["app1"], "to": ["db1"], "ports": [5432], "reason": "Database"}
PING = {"name": "ping", "from": ["db1"], "to": ["app1"], "proto": "icmp", "reason": "It is up"}
POLICY = world.with_policy(world.small_site(), [{"at": ["flows"], "set": [SQL, PING]}])
GOOD = {"app1": {"10.77.30.11 tcp/5432": "open"}, "db1": {"10.77.20.11 icmp/0": "open"}}


def read(**results: dict[str, str]) -> matrix.Matrix:
    return matrix.read(POLICY, {host: [world.tried(POLICY, host, found)] for host, found in results.items()})


def test_each_pair_of_zones_has_the_worst_state_of_its_ways() -> None:
    """One open way outweighs a broken one, that outweighs what works."""
    good = read(**GOOD)
    broken = read(app1={"10.77.30.11 tcp/5432": "timeout"}, db1=GOOD["db1"])
    opened = read(app1={"10.77.30.11 tcp/5432": "timeout", "10.77.30.11 tcp/22": "refused"}, db1=GOOD["db1"])

    assert good.cells["app", "data"].state is State.WORKS
    assert good.cells["data", "app"].state is State.WORKS
    assert broken.cells["app", "data"].state is State.BROKEN
    assert opened.cells["app", "data"].state is State.OPEN


def test_a_zone_in_which_nobody_answered_is_not_seen() -> None:
    """Whether silence is a wall or a dead machine, nobody knows; nor is a zone without a host of ours a source."""
    good = read(**GOOD)

    assert good.cells["app", "dmz"].state is State.UNSEEN
    assert good.cells["outside", "app"].state is State.UNSEEN
    assert good.cells["outside", "app"].attempts == ()


def test_what_the_own_wall_refuses_to_send_is_shut_and_says_nothing_of_the_rest() -> None:
    """Over UDP the sender is told; over TCP a dead machine stays as silent as a wall."""
    cell = read(app1={**GOOD["app1"], "10.77.10.11 icmp/0": "blocked"}, db1=GOOD["db1"]).cells["app", "dmz"]

    assert cell.count(State.SHUT) == 1
    assert cell.state is State.UNSEEN


def test_the_source_is_the_address_that_the_attempt_came_from() -> None:
    """It decides the zone; where it is not told, the leg in the target's zone stands for it."""
    row = ["10.77.30.11", "tcp", 22, "10.77.40.2", "timeout", 1600]
    rows = [row, [*row[:3], "", *row[4:]]]
    site = world.policy()
    found = matrix.read(
        site, {"gw1": [Observation.model_validate(world.probe("gw1", {"what": "zones", "tries": rows}))]}
    )

    assert [(one.source_zone, one.target_zone) for one in found.attempts] == [("data", "data"), ("mgmt", "data")]


@pytest.mark.parametrize(
    "tries",
    [
        None,
        "all shut",
        [["10.77.30.11", "tcp", 22, "10.77.20.11", "shut", 3]],
        [["10.77.30.11", "sctp", 22, "10.77.20.11", "timeout", 3]],
        [["db1", "tcp", 22, "10.77.20.11", "timeout", 3]],
        [["10.77.30.11", "tcp", "22", "10.77.20.11", "timeout", 3]],
        [["10.77.30.11", "tcp", 22, "10.77.20.11", "timeout"]],
        [["10.77.30.11", "tcp", 22, "10.77.20.11", "timeout", -1]],
    ],
)
def test_what_is_no_try_is_no_answer(tries: Any) -> None:
    """The host counts as one that told nothing."""
    told = Observation.model_validate(world.probe("app1", {"what": "zones", "tries": tries}))

    assert matrix.read(POLICY, {"app1": [told]}).silent == ("app1", "db1")


def test_the_matrix_says_when_it_was_tried() -> None:
    """And nothing where it was not."""
    assert (read(**GOOD).began, read(**GOOD).ended) == (world.AT, world.AT)
    assert (read().began, read().silent) == (None, ("app1", "db1"))
