"""Which end of a flow gets which rule."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.firewall.sockets import Socket, undeclared

from haechi.desired import firewall
from haechi.policy import load
from haechi.policy.models import Policy

ROOT = Path(__file__).resolve().parents[3]
NOBODY: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def policy() -> Policy:
    policy = load(ROOT / "inventories/lab").policy
    assert policy is not None
    return policy


def rendered(policy: Policy, host: str) -> str:
    return str(firewall.build(policy, host, NOBODY)["ruleset"])


@pytest.mark.parametrize(
    ("host", "rules"),
    [
        ("ops1", [("output", "bastion-to-fleet")]),
        ("db1", [("input", "bastion-to-fleet")]),
        ("gw1", [("forward", "bastion-to-fleet"), ("input", "bastion-to-fleet")]),
        ("edge1", [("input", "bastion-to-fleet")]),
    ],
)
def test_a_flow_is_on_both_ends_and_on_the_gateway(policy: Policy, host: str, rules: list[tuple[str, str]]) -> None:
    """The source may go out, the target lets in, the gateway lets through, and nobody else knows of it."""
    seen = [(rule.hook, rule.flow) for rule in firewall.rules(policy, host) if rule.flow == "bastion-to-fleet"]

    assert sorted(rules) == sorted(seen)


def test_the_published_port_is_translated_on_the_gateway_alone(policy: Policy) -> None:
    """And what is forwarded for it was translated: the edge's own address is no second door."""
    rules = [rule for rule in firewall.rules(policy, "gw1") if rule.flow == "customers"]

    assert [(r.hook, r.ports, r.translate, r.translated) for r in rules if r.hook != "output"] == [
        ("forward", (443,), None, True),
        ("prerouting", (443,), "10.77.10.100:443", False),
    ]


def test_ipv6_off_leaves_loopback_and_nothing_else(policy: Policy) -> None:
    """Not even neighbour discovery passes."""
    off = policy.model_copy(update={"site": policy.site.model_copy(update={"ipv6": "off"})})

    assert "icmpv6" in rendered(policy, "db1")
    assert "icmpv6" not in rendered(off, "db1")
    assert rendered(off, "db1").count("meta nfproto ipv6 counter drop") == 3


def test_a_container_engine_s_bridge_passes_what_policy_lists(policy: Policy) -> None:
    """The bridge may open connections; only the published port is let in to it."""
    db1 = policy.hosts["db1"].model_copy(update={"containers": ("docker0", "docker0:tcp/8080")})
    with_bridge = policy.model_copy(update={"hosts": {**policy.hosts, "db1": db1}})

    lines = [line.strip() for line in rendered(with_bridge, "db1").splitlines()]

    assert 'iifname "docker0" accept' in lines
    assert 'oifname "docker0" meta l4proto tcp ct status dnat ct original proto-dst 8080 accept' in lines


def test_management_is_never_blocked(policy: Policy) -> None:
    """The management zone holds the control node, so one network protects both; people's tunnels are the other."""
    assert firewall.build(policy, "db1", NOBODY)["never_block"] == ["10.77.40.0/24", "10.77.96.0/22"]
    assert "add element inet haechi_block never4 { 10.77.40.0/24, 10.77.96.0/22 }" in rendered(policy, "db1")


def test_a_stranger_s_ssh_is_rated_and_the_automation_s_is_not(policy: Policy) -> None:
    """A controller that proves a fleet at once must not slow itself down."""
    rates = {rule.flow: rule.rate for rule in firewall.rules(policy, "ops1") if rule.hook == "input"}

    assert rates["control-to-bastion"] is None
    assert rates["vpn-operator"] == "30/minute"


def test_a_resolver_s_ports_of_the_moment_are_its_own() -> None:
    """A declared UDP process asks from high ports; an undeclared one on such a port is a stranger."""
    declared = [{"proto": "udp", "port": 53, "process": "dnsmasq", "local": False}]
    asking, stranger = Socket("udp", 35910, "dnsmasq", local=False), Socket("udp", 35910, "nc", local=False)

    assert undeclared([asking, stranger], declared) == (stranger,)
