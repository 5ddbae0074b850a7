"""What policy answers about one host."""

from __future__ import annotations

from datetime import date, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from haechi.policy import load
from haechi.policy.models import Policy, State
from haechi.policy.provisioning import Hr
from haechi.policy.resolve import access_on, addresses, control_sources, day_of, expand_hosts, on_day, operators_on

BASE = Path(__file__).parents[2] / "cases/validate/base"
NOBODY: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def policy() -> Policy:
    policy = load(BASE).policy
    assert policy is not None
    return policy


@pytest.mark.parametrize(
    ("names", "hosts"),
    [
        (("all",), ("gate1", "jump1", "db1")),
        (("mgmt",), ("gate1", "jump1")),
        (("db1", "mgmt"), ("gate1", "jump1", "db1")),
        (("office",), ("desk1",)),
        ((), ()),
    ],
)
def test_hosts_zones_and_all_are_expanded(policy: Policy, names: tuple[str, ...], hosts: tuple[str, ...]) -> None:
    """`all` is every managed host; a zone is everything in it."""
    assert hosts == expand_hosts(policy, names)


@pytest.mark.parametrize(
    ("endpoint", "networks"),
    [
        ("db1", ("10.2.0.11/32",)),
        ("gate1", ("10.1.0.2/32", "10.2.0.2/32", "10.9.0.2/32")),
        ("data", ("10.2.0.0/24",)),
        ("192.0.2.0/28", ("192.0.2.0/28",)),
        ("internet", ()),
    ],
)
def test_an_endpoint_has_its_networks(policy: Policy, endpoint: str, networks: tuple[str, ...]) -> None:
    """A gateway is all its legs."""
    assert tuple(map(ip_network, networks)) == addresses(policy, endpoint)


def test_a_leaver_is_disabled_whatever_the_people_file_says(policy: Policy) -> None:
    """Desired access is policy minus tombstones."""
    before = {access.identity.id: access.state for access in access_on(policy, "db1", NOBODY)}
    after = {access.identity.id: access for access in access_on(policy, "db1", frozenset({"bob"}))}

    assert before["bob"] is State.ACTIVE
    assert after["bob"].state is State.DISABLED
    assert (after["bob"].keys, after["bob"].groups, after["bob"].sudo, after["bob"].login) == ((), (), (), False)
    assert after["ann"].state is State.ACTIVE


def test_a_disabled_person_is_disabled_where_she_had_a_job(policy: Policy) -> None:
    """Her account is kept shut, not forgotten."""
    assert {a.identity.id: a.state for a in access_on(policy, "db1", NOBODY)}["eve"] is State.DISABLED


def test_operators_are_active_people_with_a_login(policy: Policy) -> None:
    """Neither automation nor a leaver counts."""
    assert [access.identity.id for access in operators_on(policy, "db1", NOBODY)] == ["ann", "bob"]
    assert [access.identity.id for access in operators_on(policy, "db1", frozenset({"bob"}))] == ["ann"]


def test_the_automation_comes_through_the_bastion(policy: Policy) -> None:
    """Exemptions from penalties and rates name exactly these addresses."""
    assert control_sources(policy, "jump1") == ("10.1.0.1",)
    assert control_sources(policy, "db1") == ("10.1.0.11",)


@pytest.mark.parametrize(
    ("worker", "bastion"),
    [(None, ("10.1.0.1",)), ("jump1", ("10.1.0.1", "10.1.0.11")), ("db1", ("10.1.0.1", "10.2.0.11"))],
)
def test_who_works_for_hr_is_a_control_node_too(policy: Policy, worker: str | None, bastion: tuple[str, ...]) -> None:
    """Without it the bastion would hold the leavers' keys that the worker offers against the worker."""
    hr = Hr.model_validate({"worker": worker, "sources": [{"name": "payroll", "kind": "webhook"}]})
    told = policy.model_copy(update={"hr": hr})
    assert control_sources(told, "jump1") == bastion
    assert control_sources(told, "db1") == ("10.1.0.11",)


def at(text: str) -> date:
    return date.fromisoformat(text)


def standing(policy: Policy, day: str, **terms: str) -> State:
    """Return bob's state on a day under some terms."""
    days = {name: at(value) for name, value in terms.items()}
    people = tuple(i.model_copy(update=days) if i.id == "bob" else i for i in policy.identities)
    today = on_day(policy.model_copy(update={"identities": people}), at(day))
    return next(access.state for access in access_on(today, "db1", NOBODY) if access.identity.id == "bob")


@pytest.mark.parametrize(
    ("terms", "day", "state"),
    [
        ({}, "2026-11-24", State.ACTIVE),
        ({"start": "2026-11-24"}, "2026-11-23", State.DISABLED),
        ({"start": "2026-11-24"}, "2026-11-24", State.ACTIVE),
        ({"end": "2026-11-24"}, "2026-11-24", State.ACTIVE),
        ({"end": "2026-11-24"}, "2026-11-25", State.DISABLED),
        ({"training_until": "2026-11-24"}, "2026-11-23", State.ACTIVE),
        ({"training_until": "2026-11-24"}, "2026-11-24", State.DISABLED),
        ({"start": "2026-01-01", "end": "2026-12-31", "training_until": "2026-11-01"}, "2026-11-24", State.DISABLED),
    ],
)
def test_dates_decide_on_the_day_that_is_asked_about(
    policy: Policy, terms: dict[str, str], day: str, state: State
) -> None:
    """The first and the last day give access; the day until which training counts does not."""
    assert state is standing(policy, day, **terms)


def test_a_policy_that_stands_on_a_day_stands_so_when_it_is_asked_again(policy: Policy) -> None:
    """A stored policy that was resolved once may be resolved again."""
    people = tuple(i.model_copy(update={"end": at("2026-01-01")}) for i in policy.identities)
    once = on_day(policy.model_copy(update={"identities": people}), at("2026-11-24"))

    assert once == on_day(once, at("2026-11-24"))
    assert [i.id for i in once.identities if i.state is State.ACTIVE] == ["robot"]
    assert {i.id: i.since for i in once.identities}["ann"] == at("2026-01-02")


def test_a_day_of_people_is_a_day_in_korea() -> None:
    """Eight in the morning of a first working day in Seoul is the evening before in UTC."""
    assert day_of(datetime.fromisoformat("2026-11-23T23:00:00+00:00")) == at("2026-11-24")
    assert day_of(datetime.fromisoformat("2026-11-23T14:59:59+00:00")) == at("2026-11-23")
