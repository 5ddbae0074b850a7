"""Which machines and networks a policy means."""

from __future__ import annotations

from pathlib import Path

import pytest

from haechi.lab import containers, logs
from haechi.lab.containers import Found
from haechi.lab.limits import Limits
from haechi.lab.seed import alerts, dnsmasq, laptop_config
from haechi.lab.topology import LabData, machines
from haechi.policy.models import Policy
from haechi.policy.perimeter import Floods
from haechi.policy.vpn import Vpn

LAB = LabData.model_validate({"machines": {"gw": {"uplink": True}, "db": {"release": "bookworm"}}})
LIMITS = Limits(runtime="runc", nofile=20000, nproc=4096)


def test_the_gateway_comes_first_and_has_a_leg_in_each_zone(policy: Policy) -> None:
    """Every other machine's way out leads through it."""
    made = machines(policy, LAB)

    assert [machine.name for machine in made] == ["gw", "ops", "db", "laptop"]
    assert {name: str(address) for name, address in made[0].legs.items()} == {
        "haechi-small-mgmt": "10.1.0.2",
        "haechi-small-data": "10.2.0.2",
        "haechi-small-outside": "10.0.0.2",
    }


def test_the_way_out_is_the_gateway_s_leg_in_the_machine_s_own_zone(policy: Policy) -> None:
    """A route to another leg would be no neighbour."""
    routes = {machine.name: str(machine.route) for machine in machines(policy, LAB)}

    assert routes == {"gw": "None", "ops": "10.1.0.2", "db": "10.2.0.2", "laptop": "10.0.0.2"}


def test_a_machine_has_the_packages_of_what_it_serves(policy: Policy) -> None:
    """The resolver is where policy says, and nowhere else."""
    packages = {machine.name: set(machine.packages) for machine in machines(policy, LAB)}

    assert {"dnsmasq", "chrony"} <= packages["ops"]
    assert not {"dnsmasq", "chrony", "apt-cacher-ng"} & packages["db"]
    assert all({"openssh-server", "nftables", "python3"} <= each for each in packages.values())


def test_a_service_and_its_database_know_each_other(policy: Policy) -> None:
    """So that each half is born with the other's address, and with its packages."""
    serving = {"ops": {"serves": "application"}, "db": {"serves": "database"}}
    made = {one.name: one for one in machines(policy, LabData.model_validate({"machines": serving}))}

    assert {name: str(one.partner) for name, one in made.items() if one.serves} == {
        "ops": "10.2.0.10",
        "db": "10.1.0.10",
    }
    assert ("python3-psycopg2" in made["ops"].packages, "postgresql" in made["db"].packages) == (True, True)
    assert made["gw"].partner is None


def test_the_log_host_of_the_lab_is_known_to_whoever_sends_to_it(policy: Policy, tmp_path: Path) -> None:
    """Each end shows its own certificate, and takes nobody's but the other's; Debian's own rsyslog stays away."""
    parts = {"gw": {"alerts": "sends"}, "ops": {"alerts": "keeps"}}
    made = {one.name: one for one in machines(policy, LabData.model_validate({"machines": parts}))}
    logs.certificates(tmp_path / "relp", days=1)
    born = {name: alerts(made[name], tmp_path) for name in parts}

    assert {name: ("rsyslog-relp" in one.packages, str(one.keeper)) for name, one in made.items()} == {
        "gw": (True, "10.1.0.10"),
        "ops": (True, "10.1.0.10"),
        "db": (False, "10.1.0.10"),
        "laptop": (False, "10.1.0.10"),
    }
    assert 'target="10.1.0.10" port="20514"' in born["gw"]["/etc/lab-relp/rsyslog.conf"].content
    assert 'tls.permittedpeer=["keeps"]' in born["gw"]["/etc/lab-relp/rsyslog.conf"].content
    assert 'tls.permittedpeer=["sends"]' in born["ops"]["/etc/lab-relp/rsyslog.conf"].content
    assert {path for path in born["ops"] if path.endswith(".key")} == {"/etc/lab-relp/keeps.key"}
    assert born["ops"]["/etc/lab-relp/keeps.key"].mode == 0o600
    assert born["ops"]["/etc/systemd/system/rsyslog.service"].target == "/dev/null"


def test_the_gateway_is_born_with_the_vpn_s_own_address(policy: Policy) -> None:
    """In the network of its zone; no other machine has it."""
    operator = {"pool": "10.8.0.64/26", "routes": ["ops"]}
    own = {
        "host": "gw",
        "zone": "outside",
        "address": "10.0.0.3",
        "network": "10.8.0.0/22",
        "jobs": {"operator": operator},
    }
    made = machines(policy.model_copy(update={"vpn": Vpn.model_validate(own)}), LAB)

    assert {one.name: [str(each) for each in one.further] for one in made if one.further} == {"gw": ["10.0.0.3/24"]}


def test_only_the_gateway_forwards_and_only_it_has_the_uplink(policy: Policy) -> None:
    """No machine is ever privileged."""
    for machine in machines(policy, LAB):
        flags = containers.arguments(policy, machine, LIMITS, ())

        assert ("net.ipv4.ip_forward=1" in flags) == (machine.name == "gw")
        assert ("haechi-small-uplink" in flags) == (machine.name == "gw")
        assert "--privileged" not in flags


def test_a_gateway_that_answers_strangers_with_cookies_picks_no_connection_up(policy: Policy) -> None:
    """Inside a container nobody can set it, and the laptop outside comes by a published port."""
    floods = Floods(syn_proxy=True)
    zones = policy.zones | {"outside": policy.zones["outside"].model_copy(update={"exposure": "outside"})}
    change = {"zones": zones, "perimeter": policy.perimeter.model_copy(update={"floods": floods})}
    for site, gateways in ((policy, []), (policy.model_copy(update=change), ["gw"])):
        made = {one.name: containers.arguments(site, one, LIMITS, ()) for one in machines(site, LAB)}

        assert [name for name in made if "net.netfilter.nf_conntrack_tcp_loose=0" in made[name]] == gateways


def test_the_resolver_knows_every_host_and_asks_the_machine_s_own_for_the_rest(policy: Policy) -> None:
    """Names come from policy, so they cannot differ from the firewall's addresses."""
    lines = dnsmasq(policy, ("192.0.2.53",)).splitlines()

    assert {"server=192.0.2.53", "listen-address=127.0.0.1,10.1.0.10"} <= set(lines)
    assert [line for line in lines if line.startswith("host-record=")] == [
        "host-record=ops,10.1.0.10",
        "host-record=db,10.2.0.10",
        "host-record=gw,10.1.0.2",
        "host-record=laptop,10.0.0.10",
    ]


def test_a_laptop_enters_by_the_tunnel_of_whoever_logs_in(policy: Policy) -> None:
    """The way of people, not of playbooks; the laptop is shared, and each tunnel an interface."""
    text = laptop_config(policy)

    assert "Host ops\n  HostName 10.1.0.10\n" in text
    assert "  ProxyCommand socat - TCP:%h:%p,so-bindtodevice=vpn-%r\n" in text
    assert "Host db\n  HostName 10.2.0.10\n  HostKeyAlias db\n  ProxyJump %r@ops\n" in text
    assert "StrictHostKeyChecking yes" in text


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (None, "make"),
        (Found("running", "ours"), "nothing"),
        (Found("exited", "ours"), "start"),
        (Found("created", "ours"), "make"),
        (Found("running", "theirs"), "make"),
        (Found("running", ""), "make"),
    ],
)
def test_a_machine_is_remade_if_half_made_or_not_ours_and_else_kept(known: Found | None, expected: str) -> None:
    """A hardened machine that was only switched off keeps its state."""
    assert containers.todo(known, "ours") == expected
