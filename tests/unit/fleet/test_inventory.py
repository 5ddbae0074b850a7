"""The site that the fleet bench makes up."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from haechi import offboard
from haechi.fleet import inventory
from haechi.lab.topology import machines, read_lab
from haechi.policy import load

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"
PEOPLE = ("haechi", "sentinel", "lee", "kim", "kim2")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the inventory of a hundred hosts, with keys that the lab would make."""
    inventory.write(tmp_path, 100)
    rows = [f"  {who}: [{KEY}{letter * 43} {who}]\n" for who, letter in zip(PEOPLE, "ABCDE", strict=True)]
    (tmp_path / "group_vars/all/policy/keys.yml").write_text("keys:\n" + "".join(rows))
    return tmp_path


def test_the_policy_goes_through_the_normal_door(folder: Path) -> None:
    """A site as any other: a problem in it would be one of what is measured."""
    loaded = load(folder)

    assert [f"{row.file}:{row.line} {row.what}" for row in loaded.problems] == []


def test_a_fleet_of_a_hundred_is_a_hundred_machines(folder: Path) -> None:
    """One of them the bastion; each has an address of its own, and none is what forwards for podman."""
    policy = load(folder).policy
    made = machines(policy, read_lab(folder))
    addresses = [address for machine in made for address in machine.legs.values()]

    assert len(made) == len({machine.container for machine in made}) == len(set(addresses)) == 100
    assert all(address in ip_network("10.76.0.0/20") for address in addresses)
    assert ip_address("10.76.0.1") not in addresses
    assert policy.site.bastion == "bastion"
    assert len({(machine.release, machine.packages) for machine in made}) == 1


def test_the_leaver_has_access_everywhere_and_a_namesake_stands_for_the_others(folder: Path) -> None:
    """A host where she had none would be proven by less; the canary is of the same job on every one."""
    brief = offboard.brief(load(folder).policy, "kim", frozenset(), "kim2")

    assert len(brief.access) == len(brief.hosts) == 100
    assert set(brief.canaries.values()) == {"kim2"}


@pytest.mark.parametrize("number", [0, 1, 1001])
def test_a_number_that_is_no_fleet_s_is_refused(number: int, tmp_path: Path) -> None:
    """Before anything is made."""
    with pytest.raises(ValueError, match="a fleet has 2 to 1000"):
        inventory.write(tmp_path / "made", number)
    assert not (tmp_path / "made").exists()


def test_a_fleet_grows_without_moving() -> None:
    """The host that was hardened first keeps its address when the others come."""
    small, big = (inventory.policy(number)["network"]["servers"] for number in (2, 100))

    assert {name: big[name] for name in small} == small
