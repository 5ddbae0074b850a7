"""What a person on the network can and cannot do in the hardened lab."""

from __future__ import annotations

import json
import socket

import pytest

from .conftest import MANAGED, ROOT, Lab

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
DIRECT = {
    "gw1": "10.77.40.2",
    "edge1": "10.77.10.11",
    "edge2": "10.77.10.12",
    "app1": "10.77.20.11",
    "db1": "10.77.30.11",
    "log1": "10.77.40.12",
    "vault1": "10.77.40.13",
    "backup1": "10.77.50.11",
}
FORBIDDEN = [
    ("client1", "10.77.30.11", 22),
    ("client1", "10.77.40.11", 22),
    ("edge1", "10.77.30.11", 22),
    ("edge1", "10.77.20.11", 22),
    ("app1", "10.77.30.11", 22),
    ("db1", "10.77.20.11", 22),
    ("backup1", "10.77.30.11", 22),
    ("edge2", "10.77.10.11", 22),
]


def opens(lab: Lab, source: str, address: str, port: int) -> bool:
    """Return whether a TCP connection from one machine to an address succeeds."""
    return lab.inside(source, "python3", "-c", CONNECT, address, str(port)).returncode == 0


@pytest.mark.parametrize("host", MANAGED)
def test_the_way_through_the_bastion_works(lab: Lab, host: str) -> None:
    """The positive control of every refusal below."""
    result = lab.login(host, "sudo", "-n", "id", "-u")

    assert (result.returncode, result.stdout.strip()) == (0, "0"), result.stderr


@pytest.mark.parametrize("host", DIRECT)
def test_the_direct_way_is_refused(host: str) -> None:
    """The control node has a leg in every zone, and still gets in through the bastion only."""
    with pytest.raises(OSError, match=r"timed out|refused|unreachable"):
        socket.create_connection((DIRECT[host], 22), timeout=3)


@pytest.mark.parametrize(("source", "address", "port"), FORBIDDEN)
def test_what_no_flow_allows_is_dropped(lab: Lab, source: str, address: str, port: int) -> None:
    """Zones are apart, and so are neighbours in one zone."""
    assert not opens(lab, source, address, port)


def test_the_bastion_opens_what_others_may_not(lab: Lab) -> None:
    """The forbidden targets are alive: the bastion reaches every one of them."""
    assert all(opens(lab, "ops1", address, 22) for address in DIRECT.values())


@pytest.mark.parametrize("host", ["edge1", "db1", "backup1"])
def test_names_come_from_the_site_s_resolver(lab: Lab, host: str) -> None:
    """DNS is a declared flow to ops1."""
    assert lab.inside(host, "getent", "hosts", "vault1").stdout.split()[0] == "10.77.40.13"


@pytest.mark.parametrize("host", ["app1", "db1"])
def test_packages_come_through_the_cache_and_nothing_else_leaves(lab: Lab, host: str) -> None:
    """Apt works by the declared flow; the way to the internet itself is shut."""
    update = lab.inside(host, "apt-get", "update", "-q", timeout=180)

    assert update.returncode == 0, update.stderr
    assert "Err:" not in update.stdout
    assert not opens(lab, host, "deb.debian.org", 80)


def test_a_package_that_was_removed_comes_back(lab: Lab) -> None:
    """The role asks dpkg first and apt only then; check mode tells it and fetches nothing."""
    removed = lab.inside("log1", "dpkg", "--remove", "pamtester")
    assert removed.returncode == 0, removed.stderr
    accounts = ("playbooks/site.yml", "--limit", "log1", "--tags", "accounts")

    ahead = lab.playbook(*accounts, "--check")
    assert "changed=1" in ahead.stdout, ahead.stdout
    assert lab.inside("log1", "test", "-x", "/usr/bin/pamtester").returncode != 0

    made = lab.playbook(*accounts)
    assert made.returncode == 0, made.stdout
    assert lab.inside("log1", "test", "-x", "/usr/bin/pamtester").returncode == 0


def test_a_second_run_changes_nothing(lab: Lab) -> None:
    """Idempotence over the whole fleet, in check mode and for real."""
    for extra in ([], ["--check", "--diff"]):
        result = lab.playbook("playbooks/site.yml", *extra)

        assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
        assert "changed=0" in result.stdout
        assert not [line for line in result.stdout.splitlines() if "changed=" in line and "changed=0" not in line]


def test_the_demo_told_a_whole_story() -> None:
    """artifacts/demo.json holds what was measured, not what was hoped."""
    story = json.loads((ROOT / "artifacts/demo.json").read_text())

    measured = {"hosts", "changed", "rerun_s", "denied_all_s", "wall_s", "canary_ok"}
    assert set(story) == measured | {"controls", "evidence_ok", "report"}
    assert story["hosts"] == 9
    assert story["canary_ok"] is True
    assert 0 < story["denied_all_s"] < story["wall_s"]
    assert story["changed"] > 0
    assert story["evidence_ok"] is True
    assert story["controls"]["pass"] > 0
    assert (story["controls"]["fail"], story["controls"]["unknown"]) == (0, 0)
    assert "<html" in (ROOT / story["report"]).read_text()
