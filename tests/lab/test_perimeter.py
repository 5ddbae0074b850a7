"""What the network really lets through: tried by every host, from outside, and with walls taken down by hand."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from haechi import errand
from haechi.lab import site
from haechi.perimeter import plan
from tests.unpacked import unpack

from .conftest import INVENTORY, ROOT, Lab

PROBE = "playbooks/probe.yml"
BEACON = "198.51.100.7"
# The gateway's second address outside, and the one that the edge's two share.
VPN, SHARED = "10.77.0.3", "10.77.10.100"
TRY = (
    "import json, sys\n"
    "from ansible_collections.haechi.guard.plugins.module_utils.probe.tries import make\n"
    "print(json.dumps(make(json.loads(sys.argv[1]))))"
)


@contextmanager
def rule(lab: Lab, host: str, hook: str, text: str) -> Iterator[None]:
    """Put a rule first in a chain of a host by hand, and take it away again."""
    made = lab.inside(host, "nft", "-e", "-a", "insert", "rule", "inet", "haechi", hook, *text.split())
    handle = re.search(r"# handle (\d+)", made.stdout)
    assert handle, made
    try:
        yield
    finally:
        assert lab.inside(host, "nft", "delete", "rule", "inet", "haechi", hook, "handle", handle[1]).returncode == 0


@pytest.fixture
def beyond(lab: Lab, tmp_path: Path) -> Iterator[Path]:
    """Have a machine outside answer for the internet; return an inventory whose policy says so."""
    inventory = tmp_path / "lab"
    shutil.copytree(INVENTORY, inventory)
    (inventory / "group_vars/all/policy/perimeter.yml").write_text(f"perimeter: {{beacons: [{BEACON}]}}\n")
    here, there = ("ip", "address"), ("ip", "route")
    assert lab.inside("client1", *here, "add", f"{BEACON}/32", "dev", "lo").returncode == 0
    try:
        assert lab.inside("gw1", *there, "add", BEACON, "via", "10.77.0.11").returncode == 0
        yield inventory
    finally:
        lab.inside("gw1", *there, "delete", BEACON)
        lab.inside("client1", *here, "delete", f"{BEACON}/32", "dev", "lo")


def test_the_network_does_what_policy_says_and_nothing_else(lab: Lab, beyond: Path) -> None:
    """Seen by every host towards every zone; of the internet the one flow to it works, and nobody else gets there."""
    done = lab.playbook(PROBE, inventory=beyond)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    shown = {words[0]: words[1:] for line in done.stdout.splitlines() if len(words := line.split()) == 8}
    assert shown["dmz"] == ["shut", "shut", "works", "shut", "works", "shut", "shut"]
    assert shown["app"] == ["shut", "shut", "shut", "works", "works", "shut", "shut"]
    assert shown["data"] == ["shut", "shut", "shut", "shut", "works", "shut", "shut"]
    assert shown["mgmt"] == ["works", "works", "works", "works", "works", "works", "works"]
    assert shown["offsite"] == ["shut", "shut", "shut", "shut", "works", "shut", "shut"]
    assert "3 pass" in done.stdout


def test_a_way_that_was_opened_and_one_that_was_cut_are_both_named(lab: Lab) -> None:
    """Three walls stand between the application and the database; with all of them open the audit must say so."""
    way = "ip saddr 10.77.20.11 ip daddr 10.77.30.11 tcp dport 6379 accept"
    with ExitStack() as broken:
        for host, hook in (("app1", "output"), ("gw1", "forward"), ("db1", "input")):
            broken.enter_context(rule(lab, host, hook, way))
        broken.enter_context(rule(lab, "ops1", "input", "ip saddr 10.77.10.12 tcp dport 3142 drop"))
        done = lab.playbook(PROBE)

    assert done.returncode != 0
    failed = re.findall(r"FAIL +([a-z-]+) .*?: (.*)\. Expected", done.stdout)
    assert failed == [
        ("flows-work", "packages: edge2 to ops1 10.77.40.11 tcp/3142: timeout"),
        ("zones-as-declared", "app1 to db1 10.77.30.11 tcp/6379: refused"),
    ]


def test_mended_it_passes_again(lab: Lab) -> None:
    """Nothing of what was broken is left."""
    done = lab.playbook(PROBE)

    assert "3 pass" in done.stdout, done.stdout[-3000:]


@pytest.mark.parametrize(
    ("host", "by_tunnel"), [("client1", set()), ("admin1", {("10.77.40.11", "tcp", 22), ("10.77.40.11", "udp", 53)})]
)
def test_from_outside_only_what_is_offered_there_is_reached(
    lab: Lab, tmp_path: Path, host: str, by_tunnel: set[tuple[str, str, int]]
) -> None:
    """No host of ours stands there, so a machine of the lab tries: every zone, with the very same prober.

    On the administrators' laptop an operator's tunnel is open: it leads to the bastion, and to the resolver there.
    """
    policy = site.read_policy(INVENTORY)
    asked = [one for one in plan.asked(policy, host) if not one[0].startswith("10.77.0.1")]
    asked += [(address, *one, False) for address in (VPN, SHARED) for one in plan.services(policy)]
    found = tried(lab, tmp_path, host, asked)

    assert len(found) > 200
    open_ways = {("10.77.10.11", "tcp", 8443), ("10.77.0.2", "tcp", 443), (VPN, "tcp", 443)}
    answered = {(address, proto, port) for address, proto, port, _, result, _ in found if result in {"open", "refused"}}
    assert answered == open_ways | by_tunnel


def tried(lab: Lab, tmp_path: Path, host: str, asked: list[Any]) -> list[list[Any]]:
    """Return what a machine of the lab found, by the code that goes to managed hosts."""
    code = unpack(errand.pack(ROOT / "plugins/module_utils", "probe.tries"), tmp_path / "probe")
    subprocess.run(["podman", "cp", str(code), f"haechi-lab-{host}:/tmp"], check=True)
    done = lab.inside(host, "env", "PYTHONPATH=/tmp/probe", "python3", "-c", TRY, json.dumps(asked))
    assert done.returncode == 0, done.stderr
    rows: list[list[Any]] = json.loads(done.stdout)
    return rows
