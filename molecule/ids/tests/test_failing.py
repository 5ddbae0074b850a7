"""While nobody inspects, or nobody in time: open traffic passes, closed traffic stops, both are told."""

from __future__ import annotations

import subprocess

import pytest
from namespaces import inside

from haechi.desired import queues
from haechi.policy import load
from haechi.policy.ids import Pair

from .conftest import ATTACK, CLOSED, DATA, INVENTORY, OPEN, Gateway, asked, until

# A SYN of its own for each, more than the kernel keeps for one listener.
FLOOD = """
import socket, sys
for _ in range(6000):
    line = socket.socket()
    line.setblocking(False)
    line.connect_ex((sys.argv[1], int(sys.argv[2])))
    line.close()
"""


def test_without_a_listener_open_passes_closed_is_cut_and_both_are_told(gateway: Gateway) -> None:
    """`bypass` of the queue is the open one's alone. The alarms end with their cause."""
    gateway.does("systemctl stop haechi-ids-open haechi-ids-closed")

    assert asked(OPEN) == 200
    assert asked(OPEN, ATTACK) == 200
    assert asked(CLOSED) == 0
    until(lambda: {"ids-open", "ids-closed"} <= {*gateway.alarms()}, "no alarm stands")
    assert "passes uninspected" in gateway.alarms()["ids-open"]
    assert "is cut" in gateway.alarms()["ids-closed"]
    assert "ids-open" in gateway.does("journalctl --sync; journalctl -o cat -t haechi-alarm --since -5min")

    gateway.does("systemctl start haechi-ids-open haechi-ids-closed")
    until(gateway.ready, "the alarms do not end")
    assert asked(OPEN, ATTACK) == 0
    assert asked(CLOSED) == 200


@pytest.mark.parametrize(("name", "port", "answer"), [("open", OPEN, 200), ("closed", CLOSED, 0)])
def test_a_listener_that_stands_still_is_told_and_replaced(gateway: Gateway, name: str, port: int, answer: int) -> None:
    """Once the queue is full, the kernel lets open traffic pass (`fail-open`), while the process still stands."""
    gateway.does("systemctl stop haechi-ids-watch.service")
    pid = gateway.pid(name)
    gateway.does(f"kill -STOP {pid}")
    flood = [*inside("client"), "python3", "-c", FLOOD, DATA, str(port)]
    subprocess.run(flood, check=True, timeout=60)

    assert asked(port) == answer
    assert "State:\tT" in gateway.does(f"cat /proc/{pid}/status")

    gateway.does("systemctl start haechi-ids-watch.service")
    until(lambda: f"ids-{name}" in gateway.alarms(), "no alarm stands")
    until(lambda: gateway.pid(name) not in {0, pid}, "it is not replaced")
    until(gateway.ready, "the alarm does not end")
    assert asked(port) == 200
    assert asked(port, ATTACK) == 0


def test_what_hosts_are_managed_by_never_waits_for_suricata(gateway: Gateway) -> None:
    """A pair that takes in all between management and data, and cuts it: ssh goes on, all else does not."""
    policy = load(INVENTORY).policy
    assert policy is not None
    assert policy.ids is not None
    pair = Pair.model_validate({"from": "mgmt", "to": "data", "mode": "inline", "fail": "closed"})
    everything = policy.ids.model_copy(update={"pairs": (pair,)})
    found, used = queues.matches(policy, everything), queues.instances(everything)
    rows = {"nft": queues.native(found, used), "v4": queues.restored(found, used, 4)}
    gateway.does("cp -a /etc/haechi/ids /root/kept; systemctl stop haechi-ids-closed")
    try:
        for end, text in rows.items():
            argv = [*inside("gw"), "sh", "-c", f"cat > /etc/haechi/ids/queues.{end}"]
            subprocess.run(argv, input=text, text=True, check=True, timeout=20)
        gateway.does("python3 -I /usr/lib/haechi/ids.pyz load")

        greeting = f"import socket; print(socket.create_connection(('{DATA}', 22), 5).recv(4).decode())"
        argv = [*inside("trixie"), "python3", "-c", greeting]
        assert subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30).stdout == "SSH-\n"
        ping = [*inside("trixie"), "ping", "-c", "1", "-W", "2", DATA]
        assert subprocess.run(ping, capture_output=True, check=False, timeout=30).returncode == 1
    finally:
        gateway.does("cp -a /root/kept/. /etc/haechi/ids/; rm -r /root/kept; python3 -I /usr/lib/haechi/ids.pyz load")
    assert subprocess.run(ping, capture_output=True, check=False, timeout=30).returncode == 0
