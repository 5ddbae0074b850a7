"""Each field of a flow becomes the rules it means, on the hosts it concerns."""

from __future__ import annotations

import pytest

from haechi.desired.firewall import build, rules

from .conftest import HOSTS, ZONES, chain, flow, policy, talk, text

ZONES_TEXT = "{ 10.9.0.0/24, 10.9.1.0/24, 10.9.4.0/24 }"
COUNTED = "counter name flow-talk"
ND = "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert"
MLD = "mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report"
DOOR = {"gateway": "gw", "zone": "outside", "port": 2222}


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        pytest.param(["web"], ["ops"], {"gw": ["forward"], "web": ["output"], "ops": ["input"]}, id="across"),
        pytest.param(["web"], ["web2"], {"web": ["output"], "web2": ["input"]}, id="inside-a-zone"),
        pytest.param(["laptop"], ["web"], {"gw": ["forward"], "web": ["input"]}, id="from-unmanaged"),
        pytest.param(["web"], ["laptop"], {"gw": ["forward"], "web": ["output"]}, id="to-unmanaged"),
        pytest.param(["internet"], ["web"], {"gw": ["forward"], "web": ["input"]}, id="from-internet"),
        pytest.param(["ops"], ["internet"], {"gw": ["forward"], "ops": ["output"]}, id="to-internet"),
        pytest.param(["10.9.4.1/32"], ["ops"], {"ops": ["input"]}, id="from-an-address"),
        pytest.param(["10.0.0.0/8"], ["10.9.1.11/32"], {"gw": ["output", "forward"], "web": ["output", "input"],
            "web2": ["output"], "ops": ["output"]}, id="from-a-network"),
        pytest.param(["dmz"], ["ops"], {"gw": ["output", "forward"], "web": ["output"], "web2": ["output"],
            "ops": ["input"]}, id="from-a-zone-the-gateway-has-a-leg-in"),
        pytest.param(["laptop"], ["10.8.0.0/24"], {"gw": ["forward"]}, id="between-strangers"),
    ],
)  # fmt: skip
def test_a_flow_is_rendered_where_it_passes(source: list[str], target: list[str], expected: dict[str, object]) -> None:
    """Source says output, target input, the gateway between zones forward, and no other host says anything."""
    made = policy(flow(source, target))

    seen = {host: [rule.hook for rule in rules(made, host)] for host in ("gw", "web", "web2", "ops")}

    assert {host: hooks for host, hooks in seen.items() if hooks} == expected


@pytest.mark.parametrize(
    ("more", "service"),
    [
        ({}, "tcp dport 443"),
        ({"ports": [80, 443]}, "tcp dport { 80, 443 }"),
        ({"proto": "udp", "ports": [53]}, "udp dport 53"),
        ({"proto": "icmp", "ports": []}, "icmp type echo-request"),
    ],
)
def test_a_flow_names_its_service(more: dict[str, object], service: str) -> None:
    """One counted and commented line per flow allows exactly its protocol and ports."""
    made = text(policy(flow(["web"], ["ops"], **more)), "ops")

    assert talk(made, "input") == [f'ip saddr 10.9.1.11 ip daddr 10.9.4.11 {service} {COUNTED} accept comment "talk"']


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("published", ['ip saddr 10.9.0.11 ip daddr 10.9.0.2 tcp dport 2222 dnat ip to 10.9.4.11:443 comment "talk"']),
        ("forward", ["ip saddr 10.9.0.11 ip daddr 10.9.4.11 tcp dport 443 ct status dnat {} accept {}"]),
        ("input", []),
        ("output", []),
        ("masqueraded", []),
    ],
)
def test_a_published_flow_enters_by_its_door(name: str, expected: list[str]) -> None:
    """The gateway translates the door, and forwards what came through it alone."""
    made = text(policy(flow(["laptop"], ["ops"], publish=DOOR)), "gw")

    assert talk(made, name) == [line.format(COUNTED, 'comment "talk"') for line in expected]


def test_a_managed_source_may_knock_at_the_door() -> None:
    """A host that uses a published port may send to the port it sees."""
    made = text(policy(flow(["web"], ["ops"], publish=DOOR | {"zone": "dmz"})), "web")

    assert talk(made, "output") == [
        f'ip saddr 10.9.1.11 ip daddr 10.9.4.11 tcp dport 443 {COUNTED} accept comment "talk"',
        f'ip saddr 10.9.1.11 ip daddr 10.9.1.2 tcp dport 2222 {COUNTED} accept comment "talk"',
    ]


@pytest.mark.parametrize(
    ("host", "name", "verdicts"),
    [
        ("gw", "forward", [f"{COUNTED} accept"]),
        ("gw", "masqueraded", ["masquerade"]),
        ("ops", "output", [f"{COUNTED} accept"]),
    ],
)
def test_masquerade_hides_what_leaves_the_site(host: str, name: str, verdicts: list[str]) -> None:
    """The gateway alone rewrites the source, and only towards what no zone holds."""
    made = text(policy(flow(["ops"], ["internet"], masquerade=True)), host)

    match = f"ip saddr 10.9.4.11 ip daddr != {ZONES_TEXT} tcp dport 443"
    assert talk(made, name) == [f'{match} {verdict} comment "talk"' for verdict in verdicts]


@pytest.mark.parametrize(
    ("source", "target", "more", "expected"),
    [
        pytest.param("web", "ops", {"rate": "5/second"}, "5/second", id="asked"),
        pytest.param("web", "ops", {}, None, id="not-asked"),
        pytest.param("laptop", "ops", {"ports": [22]}, "30/minute", id="ssh-from-people"),
        pytest.param("laptop", "ops", {"ports": [22], "rate": "9/hour"}, "9/hour", id="ssh-asked"),
        pytest.param("10.9.4.1/32", "ops", {"ports": [22]}, None, id="ssh-from-the-control-node"),
        pytest.param("ops", "web", {"ports": [22]}, None, id="ssh-from-the-bastion"),
        pytest.param("10.9.4.1/32", "web", {"ports": [22]}, "30/minute", id="ssh-past-the-bastion"),
        pytest.param("web", "ops", {"ports": [22], "proto": "udp"}, None, id="no-ssh"),
    ],
)
def test_a_rate_bounds_each_source(source: str, target: str, more: dict[str, object], expected: str | None) -> None:
    """Where policy or SSH asks for a rate the target drops the excess first; automation is never slowed."""
    made = text(policy(flow([source], [target], **more)), target)

    over = [line for line in talk(made, "input") if "limit rate over" in line]
    excess = f"ct state new add @rate-talk {{ ip saddr limit rate over {expected} }} counter drop"
    assert [line[line.index("ct state") :] for line in over] == ([] if expected is None else [excess])
    assert [line.strip() for line in made.splitlines() if "set rate-" in line] == (
        [] if expected is None else ["set rate-talk { type ipv4_addr; size 65535; flags dynamic,timeout; timeout 1h; }"]
    )
    assert talk(made, "input")[: len(over)] == over


# sshd's answers to the bastion on connections that were there before the rules; never a SYN.
ANSWERS = (
    "ip daddr 10.9.4.11 tcp sport 22 tcp flags & (syn | rst | ack) == ack"
    ' ct state new accept comment "answers on older connections"'
)


@pytest.mark.parametrize(
    ("ipv6", "expected"),
    [
        ("off", ["meta nfproto ipv6 counter drop"]),
        (
            "drop",
            [
                f"icmpv6 type {{ {ND} }} ip6 hoplimit 255 accept",
                f"icmpv6 type {{ {MLD} }} ip6 saddr fe80::/10 accept",
            ],
        ),
    ],
)
@pytest.mark.parametrize(("hook", "way"), [("input", "iif"), ("output", "oif")])
def test_ipv6_is_off_or_kept_to_the_link(ipv6: str, expected: list[str], hook: str, way: str) -> None:
    """Off drops all of IPv6; drop keeps what a link needs and nothing that no flow names."""
    made = text(policy(site={"ipv6": ipv6}), "web")

    assert chain(made, hook) == [
        f"{way} lo accept",
        *expected,
        "ct state established,related accept",
        "ct state invalid drop",
        *([ANSWERS] if hook == "output" else []),
        f'limit rate 10/minute burst 20 packets log prefix "haechi {hook} drop: "',
        "counter",
    ]


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ([], []),
        (["docker0"], ['iifname "docker0" accept']),
        (["docker0:tcp/8080"], ['oifname "docker0" meta l4proto tcp ct status dnat ct original proto-dst 8080 accept']),
        (
            ["docker0", "docker0:udp/53"],
            [
                'iifname "docker0" accept',
                'oifname "docker0" meta l4proto udp ct status dnat ct original proto-dst 53 accept',
            ],
        ),
    ],
)
def test_a_container_engine_keeps_its_bridges(containers: list[str], expected: list[str]) -> None:
    """A named bridge may open connections, a named port is let in when the engine published it, no more."""
    hosts = HOSTS | {"web": HOSTS["web"] | {"containers": containers}}

    assert chain(text(policy(hosts=hosts), "web"), "forward") == [
        "ct state established,related accept",
        "ct state invalid drop",
        *expected,
        'limit rate 10/minute burst 20 packets log prefix "haechi forward drop: "',
        "counter",
    ]


@pytest.mark.parametrize(
    ("zones", "control", "four", "six"),
    [
        pytest.param({}, "10.9.4.1", "10.9.4.0/24", None, id="its-zone"),
        pytest.param({}, "192.0.2.1", "10.9.4.0/24, 192.0.2.1", None, id="control-node-elsewhere"),
        pytest.param({"dmz": {"management": True}}, "10.9.4.1", "10.9.1.0/24, 10.9.4.0/24", None, id="two-zones"),
        pytest.param({"mgmt": {"cidr6": "fd00:4::/64"}}, "10.9.4.1", "10.9.4.0/24", "fd00:4::/64", id="both-versions"),
        pytest.param({"mgmt": {"management": False}}, "10.9.4.1", "10.9.4.1", None, id="no-zone"),
    ],
)
def test_management_is_never_blocked(zones: dict[str, dict[str, object]], control: str, four: str, six: str) -> None:
    """The networks operators and automation come from are exempt in the block table, and so named to its module."""
    made = policy(site={"control_node": control}, zones={name: ZONES[name] | zones.get(name, {}) for name in ZONES})

    added = [line for line in text(made, "web").splitlines() if line.startswith("add element")]

    sets = {"never4": four, "never6": six}
    assert added == [f"add element inet haechi_block {name} {{ {held} }}" for name, held in sets.items() if held]
    named = {network.removesuffix("/32") for network in build(made, "web", frozenset())["never_block"]}
    assert named == {network for held in sets.values() if held for network in held.split(", ")}


def test_listeners_are_those_of_the_host() -> None:
    """A host is told of the sockets that policy declares for it, and of no others."""
    listeners = [
        {"hosts": ["all"], "port": 22, "process": "sshd", "reason": "Administration"},
        {"hosts": ["dmz"], "proto": "udp", "port": 443, "process": "envoy", "local": True, "reason": "Edge"},
    ]
    made = policy(listeners=listeners)

    ssh = {"proto": "tcp", "port": 22, "process": "sshd", "local": False}
    edge = {"proto": "udp", "port": 443, "process": "envoy", "local": True}
    assert build(made, "ops", frozenset())["listeners"] == [ssh]
    assert build(made, "web", frozenset())["listeners"] == [ssh, edge]


EDGE = {
    "hosts": ["web", "web2"],
    "address": "10.9.1.100",
    "services": {"shop": {"names": ["shop.example.test"], "host": "ops", "port": 8080}},
}


@pytest.mark.parametrize("host", ["web", "web2"])
def test_an_edge_s_two_hosts_may_say_to_each_other_what_nobody_else_may(host: str) -> None:
    """VRRP and what they count, without a flow in policy; in and out, between their own addresses."""
    own = HOSTS[host]["address"]
    made = text(policy(edge=EDGE), host)

    told = {name: [line for line in chain(made, name) if "edge-" in line] for name in ("input", "output")}

    pair = "{ 10.9.1.11, 10.9.1.12 }"
    assert told["input"] == [
        f'ip saddr {pair} ip daddr {own} {service} counter name flow-{flow} accept comment "{flow}"'
        for flow, service in (("edge-vrrp", "meta l4proto 112"), ("edge-peers", "tcp dport 4720"))
    ]
    assert told["output"] == [
        f'ip saddr {own} ip daddr {pair} {service} counter name flow-{flow} accept comment "{flow}"'
        for flow, service in (("edge-vrrp", "meta l4proto 112"), ("edge-peers", "tcp dport 4720"))
    ]


@pytest.mark.parametrize("host", ["gw", "ops"])
def test_what_an_edge_s_two_hosts_say_passes_nobody_else(host: str) -> None:
    """They are in one zone, so no gateway forwards it, and no other host takes it."""
    assert "edge-" not in text(policy(edge=EDGE), host)


@pytest.mark.parametrize("host", ["web", "web2"])
def test_a_flow_to_the_shared_address_lets_in_on_both(host: str) -> None:
    """Whoever holds it answers."""
    made = text(policy(flow(["laptop"], ["10.9.1.100/32"]), edge=EDGE), host)

    assert talk(made, "input") == [
        f'ip saddr 10.9.0.11 ip daddr 10.9.1.100 tcp dport 443 {COUNTED} accept comment "talk"'
    ]


def test_the_shared_address_may_be_published() -> None:
    """The door of the gateway leads to whoever holds it."""
    door = {"gateway": "gw", "zone": "outside", "port": 443}
    made = text(policy(flow(["laptop"], ["10.9.1.100/32"], publish=door), edge=EDGE), "gw")

    assert talk(made, "published") == [
        'ip saddr 10.9.0.11 ip daddr 10.9.0.2 tcp dport 443 dnat ip to 10.9.1.100:443 comment "talk"'
    ]


def test_an_edge_s_sockets_are_meant_to_be_open() -> None:
    """On both of its hosts, and on no other."""
    open_on = {
        host: [(row["port"], row["process"]) for row in build(policy(edge=EDGE), host, frozenset())["listeners"]]
        for host in ("web", "web2", "ops")
    }

    assert open_on == {
        "web": [(443, "haproxy"), (4720, "haproxy")],
        "web2": [(443, "haproxy"), (4720, "haproxy")],
        "ops": [],
    }
