"""Which ways a host tries: from the address that it would come from."""

from __future__ import annotations

from ipaddress import IPv4Address

from haechi.observe import plan
from haechi.policy.models import Flow
from tests.unit.controls import world

OUTSIDE = Flow.model_validate({"name": "hr", "from": ["outside"], "to": ["edge1"], "ports": [8443], "reason": "HR"})


def test_a_gateway_goes_to_a_zone_from_its_leg_there():
    """It has a leg outside as well, and comes to the edge from the one in the same zone, which no flow allows."""
    policy = world.policy().model_copy(update={"flows": (OUTSIDE,)})
    assert not plan.allows(policy, policy.hosts["gw1"], IPv4Address("10.77.10.11"), 8443)
    assert [row for row in plan.probes_from(policy, "gw1") if row["expected"] == "open"] == []


def test_a_gateway_s_own_leg_is_let_in_by_a_flow_from_that_zone():
    policy = world.policy()
    allowed = Flow.model_validate({"name": "x", "from": ["dmz"], "to": ["edge1"], "ports": [8443], "reason": "HR"})
    there = policy.model_copy(update={"flows": (allowed,)})
    assert plan.allows(there, policy.hosts["gw1"], IPv4Address("10.77.10.11"), 8443)
    assert not plan.allows(there, policy.hosts["app1"], IPv4Address("10.77.10.11"), 8443)
