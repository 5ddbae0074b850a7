"""What follows from the VPN's policy: places, flows on every host, configurations; and a profile."""

from __future__ import annotations

import pytest

from haechi import privileged
from haechi.desired import vpn as desired
from haechi.pki.trust import NO_AUTHORITY
from haechi.policy import tunnels
from haechi.vpn import desk, profile
from tests.unit.firewall.conftest import chain, text

from .conftest import policy

NOBODY: frozenset[str] = frozenset()


def test_who_has_a_place_and_by_which_job() -> None:
    """People with a job of the VPN, the first one's; nobody who is disabled or left, and no robot."""
    assert tunnels.members(policy(), NOBODY) == {"ann": "operator", "bob": "operator"}
    assert tunnels.members(policy(), frozenset({"ann"})) == {"bob": "operator"}


def test_the_gateway_lets_in_and_passes_on_what_each_job_reaches() -> None:
    """In from everywhere outside, on by job, to resolvers; a pool is no way to another job's hosts."""
    ruleset = text(policy(), "gw")

    wanted = [line for line in chain(ruleset, "input") if "vpn-in" in line]
    assert [("udp dport 1194" in line, "tcp dport 443" in line) for line in wanted] == [
        (True, False),
        (True, False),
        (False, True),
        (False, True),
    ]
    assert all("ip daddr 10.9.0.2" in line for line in wanted)
    forward = [line for line in chain(ruleset, "forward") if "10.8." in line]
    assert [line.partition(" counter")[0] for line in forward] == [
        "ip saddr 10.8.0.64/26 ip daddr 10.9.4.0/24 tcp dport 22",
        "ip saddr 10.8.1.0/26 ip daddr 10.9.1.11 tcp dport { 22, 443 }",
        "ip saddr { 10.8.0.64/26, 10.8.1.0/26 } ip daddr 10.9.4.11 udp dport 53",
    ]


def test_an_address_of_the_vpn_s_own_is_where_it_is_reached_and_nothing_else_is() -> None:
    """By whoever comes from outside, by OpenVPN, and in the profile; the gateway's other address is for others."""
    found = policy(address="10.9.0.3")
    assert found.vpn is not None
    parts = profile.Parts(root="R", certificate="C", key="K", hiding="H")

    inward = [line for line in chain(text(found, "gw"), "input") if "vpn-in" in line]
    assert len(inward) == 4
    assert all("ip daddr 10.9.0.3 " in line for line in inward)
    assert "local 10.9.0.3\n" in desired.configuration(found, found.vpn, "udp")
    assert "remote 10.9.0.3 1194 udp4\n" in profile.text(found, found.vpn, parts)


def test_a_host_takes_what_comes_from_the_pool_of_its_job() -> None:
    """And from no other."""
    seen = [line for line in chain(text(policy(), "web"), "input") if "10.8." in line and "accept" in line]

    assert [line.partition(" counter")[0] for line in seen] == [
        "ip saddr 10.8.1.0/26 ip daddr 10.9.1.11 tcp dport { 22, 443 }"
    ]


def test_tunnels_are_never_blocked_by_time() -> None:
    """As management networks: a typing error would shut the operators out."""
    assert "add element inet haechi_block never4 { 10.9.4.0/24, 10.8.0.0/22 }" in text(policy(), "gw")


def test_each_job_has_half_of_its_addresses_over_each_transport() -> None:
    """With the routes that it reaches, and nothing else."""
    made = desired.build(policy(), "gw", frozenset({"bob"}), NO_AUTHORITY)
    assert made is not None
    people = made["people"]

    assert isinstance(people, dict)
    assert people["people"] == {"ann": "operator"}
    assert people["jobs"] == {
        "operator": {"udp": "10.8.0.64/27", "tcp": "10.8.0.96/27", "routes": ["10.9.4.0/24"]},
        "auditor": {"udp": "10.8.1.0/27", "tcp": "10.8.1.32/27", "routes": ["10.9.1.11/32"]},
    }
    assert (people["gateway"], people["session_s"], people["idle_s"]) == ("10.8.0.1", 28800, 1800)
    assert desired.build(policy(), "web", NOBODY, NO_AUTHORITY) is None


@pytest.mark.parametrize(
    ("by", "lines"),
    [
        ("udp", {"proto udp4", "local 10.9.0.2", "lport 1194", "dev vpn-udp"}),
        ("tcp", {"proto tcp4-server", "local 10.9.0.2", "lport 443", "dev vpn-tcp"}),
    ],
)
def test_a_configuration_demands_both_factors_and_pushes_what_is_declared(by: str, lines: set[str]) -> None:
    """What OpenVPN makes of it is shown in molecule/vpn."""
    found = policy()
    assert found.vpn is not None
    said = set(desired.configuration(found, found.vpn, by).splitlines())

    assert lines <= said
    assert {
        "ca /etc/haechi/vpn/people.pem",
        'plugin openvpn-plugin-auth-pam.so "haechi-vpn login COMMONNAME verification PASSWORD"',
        "tls-version-min 1.3",
        "auth-gen-token 28800",
        'push "dhcp-option DNS 10.9.4.11"',
    } <= said


@pytest.mark.parametrize(
    ("person", "why"),
    [
        ("ann", ""),
        ("nemo", "nemo is nobody of policy"),
        ("dan", "dan is not active"),
        ("hana", "hana is nobody of policy"),
        ("bob", "bob is not active"),
        ("cho", "cho has no place in the VPN: give them one of the jobs operator, auditor"),
        ("robot", "robot has no place in the VPN"),
    ],
)
def test_who_gets_a_profile(person: str, why: str) -> None:
    """Bob left, and his tombstone counts whatever policy says."""
    said = desk.refusal(policy(), frozenset({"bob", "hana"}), person)

    assert said.startswith(why)
    assert bool(said) == bool(why)


def test_a_profile_holds_everything_but_the_code() -> None:
    """It trusts this site's root, and this gateway alone."""
    found = policy(name="vpn.example.com")
    assert found.vpn is not None
    key, csr = profile.new_key("ann")
    text = profile.text(found, found.vpn, profile.Parts(root="R", certificate="C", key=key, hiding="H"))

    assert "remote vpn.example.com 1194 udp4\nremote vpn.example.com 443 tcp4-client\n" in text
    assert "verify-x509-name gw name\n" in text
    assert "<ca>\nR\n</ca>\n<cert>\nC\n</cert>\n<key>\n-----BEGIN PRIVATE KEY-----\n" in text
    assert csr.startswith("-----BEGIN CERTIFICATE REQUEST-----\n")
    assert "auth-user-pass\n" in text


def test_the_key_that_signs_for_the_vpn_is_in_the_register_of_privileged_ones() -> None:
    """Whoever holds it makes a way in, so somebody answers for it."""
    found = {(row.host, row.account) for row in privileged.signing_keys(policy())}

    assert ("ops", "vpn_people") in found
