"""What hosts try: every pair of zones, within bounds."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from haechi.perimeter import plan
from haechi.policy.models import Host, Policy
from haechi.policy.resolve import managed, zone_of
from tests.unit.controls import world


def zones_tried(policy: Policy, host: str) -> set[str | None]:
    return {zone_of(policy, IPv4Address(address)) for address, _, _ in plan.tries_from(policy, host)}


@pytest.mark.parametrize("host", managed(world.policy()))
def test_every_host_tries_every_zone(host: str) -> None:
    """Its own too, if somebody else is there: at least the gateway is."""
    assert zones_tried(world.policy(), host) == {"outside", "dmz", "app", "data", "mgmt", "offsite"}


def test_each_port_of_each_flow_is_tried_everywhere_and_some_that_intruders_seek() -> None:
    """A port that is declared for one pair is tried for all others."""
    tried = {
        (proto, port) for address, proto, port in plan.tries_from(world.policy(), "app1") if address == "10.77.30.11"
    }

    assert tried >= {("tcp", 22), ("tcp", 53), ("udp", 53), ("udp", 123), ("tcp", 3142), ("tcp", 8443), ("icmp", 0)}
    assert tried >= {("tcp", 8080), ("tcp", 5432), ("tcp", 3306), ("tcp", 6379), ("tcp", 80), ("tcp", 443)}


def test_a_gateway_is_tried_at_each_of_its_legs_and_nobody_tries_itself() -> None:
    """A leg is a door of its own."""
    legs = {"10.77.0.2", "10.77.10.2", "10.77.20.2", "10.77.30.2", "10.77.40.2", "10.77.50.2"}
    tried = {host: {address for address, _, _ in plan.tries_from(world.policy(), host)} for host in ("app1", "gw1")}

    assert tried["app1"] >= legs
    assert "10.77.20.11" not in tried["app1"]
    assert not tried["gw1"] & legs


def test_sshd_of_a_gateway_is_tried_at_one_address_by_whoever_may_and_at_all_by_others() -> None:
    """A handful of connections at once is what it hears of one source, and logins need some of them."""
    doors = {
        host: sorted(
            address for address, proto, port in plan.tries_from(world.policy(), host) if (proto, port) == ("tcp", 22)
        )
        for host in ("ops1", "app1")
    }

    assert [address for address in doors["ops1"] if address.endswith(".2")] == ["10.77.40.2"]
    assert len([address for address in doors["app1"] if address.endswith(".2")]) == 6


def test_a_beacon_is_tried_like_a_host() -> None:
    """Nothing else is, beyond the zones."""
    beyond = world.with_policy(world.policy(), [{"at": ["perimeter", "beacons"], "set": ["198.51.100.7"]}])

    assert None not in zones_tried(world.policy(), "db1")
    assert ("198.51.100.7", "tcp", 443) in plan.tries_from(beyond, "db1")


def test_what_policy_adds_is_tried() -> None:
    more = world.with_policy(world.policy(), [{"at": ["perimeter", "ports"], "set": [9100]}])

    assert ("10.77.30.11", "tcp", 9100) in plan.tries_from(more, "app1")


def test_in_a_large_zone_each_host_tries_a_few_and_together_they_try_all() -> None:
    """A fleet does not try the square of itself; whoever a flow names is tried at its port all the same."""
    hosts = {f"m{n}": Host(zone="app", address=IPv4Address(f"10.77.20.{100 + n}")) for n in range(40)}
    fleet = world.policy().model_copy(update={"hosts": {**world.policy().hosts, **hosts}})
    tried = {host: plan.tries_from(fleet, host) for host in hosts}
    peers = {
        host: {a for a, _, _ in rows if a.startswith("10.77.20.1") and a != "10.77.20.11"}
        for host, rows in tried.items()
    }

    assert all(len(found) <= 4 for found in peers.values())
    assert set().union(*peers.values()) == {f"10.77.20.{100 + n}" for n in range(40)}
    assert max(map(len, tried.values())) < 900
    assert len({*tried["m0"]}) == len(tried["m0"])
