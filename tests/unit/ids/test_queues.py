"""Which packets go to Suricata, in both languages: the same rules, and never what hosts are managed by."""

from __future__ import annotations

from pathlib import Path

import pytest

from haechi.desired import ids, queues
from haechi.policy import load
from haechi.policy.ids import Ids, Pair
from haechi.policy.models import Policy

BASE = Path(__file__).parents[2] / "cases/validate/base"
HOSTS = "{ 10.1.0.2/32, 10.1.0.11/32, 10.2.0.11/32 }"


@pytest.fixture(scope="module")
def policy() -> Policy:
    loaded = load(BASE).policy
    assert loaded is not None
    return loaded


def made(*pairs: dict[str, object]) -> Ids:
    return Ids(hosts=("gate1",), owner="ann", pairs=tuple(map(Pair.model_validate, pairs)))


def pair(mode: str, fail: str | None = None, *ports: int, to: str = "data") -> dict[str, object]:
    return {"from": "office", "to": to, "ports": ports, "mode": mode, **({"fail": fail} if fail else {})}


def native(policy: Policy, *pairs: dict[str, object]) -> list[str]:
    one = made(*pairs)
    text = queues.native(queues.matches(policy, one), queues.instances(one))
    return [line.strip() for line in text.splitlines() if " counter " in line]


def test_ssh_of_the_control_node_and_the_bastion_comes_before_everything(policy: Policy) -> None:
    """A pair that takes in all and cuts it could otherwise not be mended any more."""
    rows = native(policy, pair("inline", "closed"))

    sources = "{ 10.1.0.1/32, 10.1.0.11/32 }"
    assert rows[:2] == [
        f"ip saddr {sources} ip daddr {HOSTS} tcp dport 22 ct direction original counter accept",
        f"ip saddr {HOSTS} ip daddr {sources} tcp sport 22 ct direction reply counter accept",
    ]
    assert rows[2:4] == [
        "ip saddr 10.9.0.0/24 ip daddr 10.2.0.0/24 ct direction original counter queue num 41",
        "ip saddr 10.2.0.0/24 ip daddr 10.9.0.0/24 ct direction reply counter queue num 41",
    ]


@pytest.mark.parametrize(
    ("mode", "fail", "to"),
    [
        ("inline", "open", "queue num 40 bypass"),
        ("inline", "closed", "queue num 41"),
        ("detect", None, "log group 42 accept"),
        ("none", None, "accept"),
    ],
)
def test_each_choice_has_a_queue_of_its_own(policy: Policy, mode: str, fail: str | None, to: str) -> None:
    """The bypass of the kernel is the open one's alone."""
    rows = native(policy, pair(mode, fail, 443))

    assert [row.partition(" counter ")[2] for row in rows[2:6]] == [to] * 4
    assert rows[2].startswith("ip saddr 10.9.0.0/24 ip daddr 10.2.0.0/24 tcp dport 443 ct direction original")
    assert rows[5].startswith("ip saddr 10.2.0.0/24 ip daddr 10.9.0.0/24 udp sport 443 ct direction reply")


def test_the_chain_comes_after_policy_s_own(policy: Policy) -> None:
    """Policy's is at 0: what it drops never comes here."""
    one = made(pair("inline", "open"))
    text = queues.native(queues.matches(policy, one), queues.instances(one))

    assert "type filter hook forward priority 150; policy accept;" in text


def test_the_internet_is_what_no_zone_holds(policy: Policy) -> None:
    """One word for nft; iptables takes a chain that leaves the zones out."""
    one = made(pair("inline", "open", to="internet"))
    zones = ("10.1.0.0/24", "10.2.0.0/24", "10.9.0.0/24")
    found = queues.matches(policy, one)

    assert (
        f"ip daddr != {{ {', '.join(zones)} }} ct direction original"
        in native(policy, pair("inline", "open", to="internet"))[2]
    )
    lines = queues.restored(found, ("open",), 4).splitlines()
    assert "-A FORWARD -s 10.9.0.0/24 -m conntrack --ctdir ORIGINAL -j HAECHI_0" in lines
    assert [line for line in lines if line.startswith("-A HAECHI_0")] == [
        *(f"-A HAECHI_0 -d {zone} -j RETURN" for zone in zones),
        "-A HAECHI_0 -j NFQUEUE --queue-num 40 --queue-bypass",
    ]


def test_iptables_is_given_the_same(policy: Policy) -> None:
    """What detection has a copy of goes on at once; a queue decides for itself."""
    one = made(pair("inline", "closed", 443, 8443), pair("detect"))
    lines = queues.restored(queues.matches(policy, one), queues.instances(one), 4).splitlines()
    there, back = "-s 10.9.0.0/24 -d 10.2.0.0/24", "-s 10.2.0.0/24 -d 10.9.0.0/24"

    tcp, udp = "-p tcp -m multiport --dports 443,8443", "-p udp -m multiport --sports 443,8443"
    assert f"-A FORWARD {there} {tcp} -m conntrack --ctdir ORIGINAL -j NFQUEUE --queue-num 41" in lines
    assert f"-A FORWARD {back} {udp} -m conntrack --ctdir REPLY -j NFQUEUE --queue-num 41" in lines
    assert lines[lines.index(f"-A FORWARD {there} -m conntrack --ctdir ORIGINAL -j NFLOG --nflog-group 42") + 1] == (
        f"-A FORWARD {there} -m conntrack --ctdir ORIGINAL -j ACCEPT"
    )
    assert "-A OUTPUT -d 127.0.77.41/32 -p udp --dport 9 -j NFQUEUE --queue-num 41" in lines
    assert lines[-1] == "COMMIT"


def test_only_the_instances_that_policy_needs_run(policy: Policy) -> None:
    """And only on the gateways that it names."""
    inspected = policy.model_copy(update={"ids": made(pair("inline", "closed"), pair("none", to="mgmt"))})
    document = ids.build(inspected, "gate1")

    assert ids.build(inspected, "db1") is None
    assert ids.build(policy, "gate1") is None
    assert document is not None
    assert document["instances"] == ["closed"]
    assert [*document["configurations"]] == ["closed"]


@pytest.mark.parametrize(("name", "fails", "unknown"), [("open", "yes", "ignore"), ("closed", "no", "drop-flow")])
def test_suricata_is_told_the_same_choice(policy: Policy, name: str, fails: str, unknown: str) -> None:
    """For a full queue, and for packets that it cannot follow."""
    lines = ids.configuration(policy, made(pair("inline", name)), name).splitlines()

    assert f"  fail-open: {fails}" in lines
    assert f"exception-policy: {unknown}" in lines
