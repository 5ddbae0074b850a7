"""What a gateway inspects by nft's own ``queue``, which the kernel of the containers refuses; also after a boot."""

from __future__ import annotations

import json
import shlex
import shutil
import time
from collections.abc import Callable, Iterator

import pytest

from . import gateway
from .gateway import CLOSED, ENDS, OPEN, UNDECLARED
from .machine import Machine

ATTACK = "/search?name=x%27%20union%20select%20name%20from%20people--"
UNION = 1078003
ASK = """
import http.client, sys
line = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=float(sys.argv[4]))
try:
    line.request("GET", sys.argv[3])
    print(line.getresponse().status)
except (OSError, http.client.HTTPException):
    print(0)
"""


def asked(machine: Machine, port: int, path: str = "/", *, seconds: int = 20) -> int:
    """Return the status that one network is answered by the other, 0 where it is not within some seconds."""
    program = ["python3", "-c", ASK, ENDS["right"][1], str(port), path, str(seconds)]
    return int(machine.root(shlex.join(["ip", "netns", "exec", "left", *program])))


def refused(machine: Machine, port: int, path: str = "/") -> bool:
    """Return whether one network is not answered by the other, without the patience that an answer may need."""
    return asked(machine, port, path, seconds=6) == 0


def until(true: Callable[[], object], what: str) -> None:
    """Wait until something is so, on a processor that is emulated."""
    end = time.monotonic() + 240
    while not true():
        assert time.monotonic() < end, what
        time.sleep(1)


def alerts(machine: Machine, name: str) -> list[str]:
    """Return what was done with each attack in the log of an instance."""
    lines = machine.root(f"cat /var/log/haechi-ids/{name}.json").splitlines()
    rows = [row["alert"] for row in map(json.loads, lines) if row["event_type"] == "alert"]
    return [row["action"] for row in rows if row["signature_id"] == UNION]


def inspects(machine: Machine) -> bool:
    """Return whether somebody reads both queues."""
    read = {line.split()[0] for line in machine.root("cat /proc/net/netfilter/nfnetlink_queue").splitlines()}
    return {"40", "41"} <= read


@pytest.fixture(scope="module")
def inspecting(machine: Machine) -> Iterator[Machine]:
    """Make the machine a gateway that inspects, as an operator does, with two networks to stand between."""
    inventory = gateway.inventory()
    machine.root(f"cat > /root/hx-service.py <<'END'\n{gateway.SERVICE.read_text()}\nEND\n{gateway.wires()}")
    try:
        made = machine.playbook("site", "--tags", "baseline,firewall,ids", inventory=inventory)
        assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
        until(lambda: inspects(machine), "nobody reads the queues")
        yield machine
    finally:
        shutil.rmtree(inventory)


@pytest.fixture(scope="module")
def inspecting_again(inspecting: Machine) -> Machine:
    """Start the gateway anew; its networks are made by hand, and nothing else is."""
    before = inspecting.facts()
    inspecting.ssh("sudo", "-n", "systemctl", "reboot")
    inspecting.booted_again(before)
    inspecting.root(gateway.wires())
    until(lambda: inspects(inspecting), "nobody reads the queues after a boot")
    return inspecting


@pytest.fixture(params=["inspecting", "inspecting_again"])
def stands(request: pytest.FixtureRequest) -> Machine:
    """Return the gateway as the role left it, and after a boot."""
    made: Machine = request.getfixturevalue(request.param)
    return made


def test_the_kernel_s_own_queue_is_what_takes_packets(stands: Machine) -> None:
    """Not the way by iptables, which Debian's kernel does not need."""
    rules = stands.root("nft list table inet haechi_ids")
    assert f"tcp dport {OPEN} ct direction original counter" in rules
    assert "bypass to 40" in rules
    assert "queue to 41" in rules
    assert stands.root("nft list tables").count("security") == 0


@pytest.mark.parametrize(("name", "port"), [("open", OPEN), ("closed", CLOSED)])
def test_an_attack_is_dropped_and_told_and_a_clean_request_passes(stands: Machine, name: str, port: int) -> None:
    before = len(alerts(stands, name))

    assert asked(stands, port, "/search?name=hong") == 200
    assert refused(stands, port, ATTACK)
    until(lambda: "blocked" in alerts(stands, name)[before:], "the attack is in no log")
    assert asked(stands, port, "/search?name=hong") == 200


def test_what_no_flow_declares_is_refused(stands: Machine) -> None:
    """The service answers at that port too: the queue opens nothing."""
    assert "200" in stands.root(f"ip netns exec right python3 -c {shlex.quote(ASK)} 127.0.0.1 {UNDECLARED} / 20")
    assert refused(stands, UNDECLARED)


def test_without_anybody_at_the_queue_the_open_one_passes_and_the_closed_one_does_not(stands: Machine) -> None:
    both = "haechi-ids-open.service haechi-ids-closed.service"
    stands.root(f"systemctl stop haechi-ids-watch.service {both}")
    try:
        assert asked(stands, OPEN, ATTACK) == 200
        assert refused(stands, CLOSED)
    finally:
        stands.root(f"systemctl start {both} haechi-ids-watch.service")
    until(lambda: inspects(stands), "nobody reads the queues any more")
    until(lambda: asked(stands, CLOSED) == 200, "the closed one does not pass again")
    assert refused(stands, OPEN, ATTACK)
