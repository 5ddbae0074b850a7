"""What policy lets through from a host, read off the rules of both ends and of the gateway between."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest

from haechi.perimeter.ways import Packet, Way, Ways
from haechi.policy.models import Flow
from tests.unit.controls import world


def ways(*flows: dict[str, Any]) -> Ways:
    """Return the ways of the lab's policy with other flows."""
    made = tuple(Flow.model_validate({"name": "way", "reason": "Test", **flow}) for flow in flows)
    return Ways(world.policy().model_copy(update={"flows": made}))


def way(made: Ways, host: str, source: str, target: str, port: int = 0, proto: str = "tcp") -> Way | None:  # noqa: PLR0913, PLR0917
    return made.of(host, Packet(IPv4Address(source), IPv4Address(target), proto, port))


def test_a_flow_leads_where_it_says_and_nowhere_else() -> None:
    """Only from its source, only to its port, only over its protocol, and not back."""
    made = ways({"from": ["app1"], "to": ["db1"], "ports": [5433]})

    assert way(made, "app1", "10.77.20.11", "10.77.30.11", 5433) == Way("way", served=False)
    assert way(made, "app1", "10.77.20.11", "10.77.30.11", 22) is None
    assert way(made, "app1", "10.77.20.11", "10.77.30.11", 5433, "udp") is None
    assert way(made, "db1", "10.77.30.11", "10.77.20.11", 5433) is None
    assert way(made, "edge1", "10.77.10.11", "10.77.30.11", 5433) is None


def test_a_way_is_served_where_policy_declares_a_listener() -> None:
    """Every managed host has a shell, and answers pings that it lets in."""
    made = ways(
        {"from": ["ops1"], "to": ["dmz", "outside"], "ports": [22]}, {"from": ["ops1"], "to": ["app"], "proto": "icmp"}
    )

    assert way(made, "ops1", "10.77.40.11", "10.77.10.12", 22) == Way("way", served=True)
    assert way(made, "ops1", "10.77.40.11", "10.77.0.11", 22) == Way("way", served=False)  # client1 is not ours
    assert way(made, "ops1", "10.77.40.11", "10.77.20.11", 0, "icmp") == Way("way", served=True)


def test_what_is_published_is_reached_by_its_door_alone() -> None:
    """The gateway translates what comes to it; straight to the target it forwards nothing."""
    made = ways(
        {
            "from": ["edge1"],
            "to": ["ops1"],
            "ports": [22],
            "publish": {"gateway": "gw1", "zone": "outside", "port": 2222},
        }
    )

    assert way(made, "edge1", "10.77.10.11", "10.77.0.2", 2222) == Way("way", served=True)
    assert way(made, "edge1", "10.77.10.11", "10.77.40.11", 22) is None
    assert way(made, "edge1", "10.77.10.11", "10.77.0.2", 22) is None


@pytest.mark.parametrize(("target", "allowed"), [("198.51.100.7", True), ("10.77.0.11", False), ("10.77.30.11", False)])
def test_the_internet_is_what_no_zone_holds(target: str, allowed: bool) -> None:  # noqa: FBT001
    """The zone outside has hosts of its own, and a flow to the internet does not reach them."""
    made = ways({"from": ["ops1"], "to": ["internet"], "ports": [443], "masquerade": True})

    assert (way(made, "ops1", "10.77.40.11", target, 443) is not None) is allowed


def test_a_gateway_goes_to_a_zone_from_its_leg_there() -> None:
    """A flow from the zone outside is not one from the gateway's leg in the DMZ."""
    made = ways({"from": ["outside"], "to": ["edge1"], "ports": [8443]})

    assert way(made, "gw1", "10.77.10.2", "10.77.10.11", 8443) is None


def test_within_a_zone_no_gateway_is_asked() -> None:
    """Both ends have the rule; nothing forwards it."""
    made = ways({"from": ["dmz"], "to": ["dmz"], "ports": [22]})

    assert way(made, "edge1", "10.77.10.11", "10.77.10.12", 22) == Way("way", served=True)
