"""Who is let in, with what, for how long; and one line of the log for each answer."""

from __future__ import annotations

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.vpn import hook

from .conftest import Gateway


@pytest.mark.parametrize(
    ("person", "waiting", "why"),
    [
        ("ann", "", ""),
        ("hana", "", "they left"),
        ("nemo", "", "no job of theirs has a place in the VPN"),
        ("ann", "bob\nann\n", "the list of who left is stale, and people wait"),
        ("ann", "joann\n", ""),
    ],
)
def test_who_is_refused(person: str, waiting: str, why: str) -> None:
    """By name, and by the whole name."""
    assert hook.refusal({"ann": "operator", "hana": "operator"}, person, {"hana": ()}, waiting) == why


def test_a_certificate_is_judged_by_its_person_and_the_authority_s_own_is_not(gateway: Gateway) -> None:
    """OpenVPN asks about both, the authority's first."""
    told = {"untrusted_ip": "198.51.100.7", "untrusted_port": "40000"}
    assert gateway.asked("verify", "1", "CN=people", **told) == 0
    assert gateway.asked("verify", "0", "CN=ann", X509_0_CN="ann", **told) == 0
    assert gateway.asked("verify", "0", "CN=hana", X509_0_CN="hana", **told) == 1

    assert gateway.log == ['refused person="hana" from="198.51.100.7:40000" by="udp" why="they left"']


def test_a_connection_gets_an_address_of_its_job_its_routes_and_an_end(gateway: Gateway) -> None:
    """The mask is that of all tunnels, so that the gateway is on the way."""
    given = gateway.connect()

    assert given == {
        "ifconfig-push": ["10.8.0.65 255.255.252.0"],
        "session-timeout": ["600"],
        "inactive": ["60"],
        "push": ['"route 10.9.4.0 255.255.255.0"'],
    }
    assert gateway.log == [
        'connected person="ann" from="198.51.100.7:40000" by="udp" tunnel="10.8.0.65" job="operator" seconds="600"'
    ]


def test_no_two_have_one_address_and_the_last_is_refused(gateway: Gateway) -> None:
    """Of a /30 there are two; a tunnel that ends gives its own back."""
    seen = [gateway.connect(session)["ifconfig-push"] for session in ("s1", "s2")]
    assert seen == [["10.8.0.65 255.255.252.0"], ["10.8.0.66 255.255.252.0"]]
    assert gateway.connect("s3") == {}
    assert "no address of 10.8.0.64/30 is free" in gateway.log[-1]

    counts = {"bytes_received": "7", "bytes_sent": "9", "time_duration": "3", "common_name": "ann"}
    gateway.asked("disconnect", ifconfig_pool_remote_ip="10.8.0.65", **counts)
    assert gateway.log[-1].endswith('tunnel="10.8.0.65" received="7" sent="9" seconds="3"')
    assert gateway.connect("s4")["ifconfig-push"] == ["10.8.0.65 255.255.252.0"]


def test_a_token_that_comes_back_has_what_is_left_of_its_session(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a new one; when it is over, or nobody knows when it began, a code is asked."""
    monkeypatch.setattr(hook.time, "time", lambda: 1_000_000_000.0)
    assert gateway.connect("s/1")["session-timeout"] == ["600"]
    monkeypatch.setattr(hook.time, "time", lambda: 1_000_000_450.0)
    assert gateway.connect("s/1", "Authenticated")["session-timeout"] == ["150"]
    monkeypatch.setattr(hook.time, "time", lambda: 1_000_000_601.0)
    assert gateway.connect("s/1", "Authenticated") == {}
    assert gateway.connect("other", "Authenticated") == {}

    assert all("the time since the last code is over" in line for line in gateway.log[-2:])


def test_another_name_than_the_certificate_s_is_refused(gateway: Gateway) -> None:
    """Whatever code came with it."""
    assert gateway.connect(username="bob") == {}

    assert "the user name is not that of the certificate" in gateway.log[0]


def test_what_cannot_be_judged_is_refused(gateway: Gateway) -> None:
    """A lost file of settings, and a question without its words."""
    gateway.settings = {"people": {}}
    assert gateway.connect() == {}
    assert gateway.asked("verify", "0", "CN=ann") == 1

    assert all("it cannot be judged" in line for line in gateway.log)


def test_a_name_makes_no_second_line_of_the_log(gateway: Gateway) -> None:
    """It comes from a certificate that we signed, and is told as one word all the same."""
    gateway.asked("verify", "0", "x", X509_0_CN='eve" why="\nconnected person="ann')

    assert len(gateway.log) == 1
    assert gateway.log[0].startswith('refused person="eve\\" why=\\"\\nconnected')
