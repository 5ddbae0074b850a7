"""Floods from outside: a customer goes on beside each, who can be known is shut out, and management never is."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from namespaces import inside
from siege import Row, record

Inside = Callable[..., subprocess.CompletedProcess[str]]
WithPolicy = Callable[[str, Callable[[Path], None]], AbstractContextManager[None]]
ROOT = Path(__file__).parents[3]
STRANGER = (ROOT / "molecule/firewall/fixture/stranger.py").read_text()
DATA1, PORT, CUSTOMER = "10.78.30.11", 8443, "10.78.0.31"
SYN, HELD, HURRIED, SENT = "10.78.0.32", "10.78.0.33", "10.78.0.34", "10.78.0.35"
PROVEN, HOLDER = "10.78.0.36", "10.78.0.37"
# A port of the gateway behind which data1 answers, and a network that nobody has (RFC 2544) for forged sources.
DOOR: dict[str, Any] = {"address": "10.78.0.2", "port": 8444}
NOBODY, FORGED = "198.18.0.0/15", 6000
FLOWS = f"""
  - name: visits
    from: [outside, {NOBODY}]
    to: [data1]
    ports: [{PORT}]
    publish: {{gateway: gw, zone: outside, port: {DOOR["port"]}}}
    reason: SYNs to it are answered with cookies
  - name: past-the-proxy
    from: [{NOBODY}]
    to: [data1]
    ports: [{PORT}]
    reason: The same is tried where each SYN is tracked
"""
LIMITS = {
    "opened_per_second": 60,
    "completed_per_second": 10,
    "held": 40,
    "datagrams_per_second": 50,
    "block_minutes": 1,
    "syn_proxy": True,
}
LOOSE = "net.netfilter.nf_conntrack_tcp_loose"
ECHO = f"""
import os, socketserver, sys, threading
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while word := self.request.recv(16):
            self.request.sendall(word)
class Many(socketserver.ThreadingTCPServer):
    request_queue_size, daemon_threads, allow_reuse_address = 1024, True, True
threading.Thread(target=Many(("{DATA1}", {PORT}), Echo).serve_forever).start()
sys.stdin.read()
os._exit(0)
"""


@pytest.fixture(scope="module")
def limits(with_policy: WithPolicy, run_in: Inside) -> Iterator[None]:
    """Give the gateway small limits, a door, and a zone outside that is not ours; afterwards its own policy."""

    def change(policy: Path) -> None:
        (policy / "perimeter.yml").write_text(json.dumps({"perimeter": {"floods": LIMITS}}))
        network = (policy / "network.yml").read_text()
        ours = "cidr: 10.78.0.0/24}"
        assert ours in network
        network = network.replace(ours, "cidr: 10.78.0.0/24, exposure: outside}")
        (policy / "network.yml").write_text(network.replace("\nflows:\n", f"\nflows:{FLOWS}", 1))

    with with_policy("gw", change):
        # Or the gateway would take every forged source for one that belongs elsewhere, and drop it.
        run_in("gw", "ip", "route", "replace", NOBODY, "via", CUSTOMER)
        on_network_of("gw", "sysctl", "-qw", f"{LOOSE}=0")
        yield
        on_network_of("gw", "sysctl", "-qw", f"{LOOSE}=1")
        run_in("gw", "ip", "route", "del", NOBODY)


@pytest.fixture(scope="module", autouse=True)
def service(run_in: Inside) -> Iterator[None]:
    """Have something answer on data1, where a flow leads from outside; give the client its further addresses."""
    for source in (CUSTOMER, SYN, HELD, HURRIED, SENT, PROVEN, HOLDER):
        run_in("client", "ip", "address", "replace", f"{source}/24", "dev", "eth0")
    # It ends with its standard input: a signal would end nsenter, and leave it on the machine.
    with subprocess.Popen([*inside("data1"), "python3", "-c", ECHO], stdin=subprocess.PIPE):
        until = time.time() + 60
        while not begin("talk", source=CUSTOMER)["works"] and time.time() < until:
            time.sleep(0.2)
        yield


def ask(what: str, **more: Any) -> subprocess.Popen[str]:
    """Begin to do one of the things of ``fixture/stranger.py`` on the client."""
    begun = subprocess.Popen(
        [*inside("client"), "python3", "-c", STRANGER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert begun.stdin is not None
    begun.stdin.write(json.dumps({"do": what, "address": DATA1, "port": PORT, "timeout": 5, **more}) + "\n")
    begun.stdin.flush()
    return begun


def begin(what: str, **more: Any) -> Any:
    """Do it, and return what came of it."""
    return json.loads(ask(what, **more).communicate(timeout=120)[0])


def thrown(machine: str, *words: str) -> str:
    """Run hping3 of this computer on a machine's network; return its closing line."""
    return on_network_of(machine, "hping3", "--quiet", *words)


def on_network_of(machine: str, *command: str) -> str:
    """Run a program of this computer on a machine's network; inside, its kernel values can only be read."""
    argv = ["nsenter", "--target", inside(machine)[2], "--net", *command]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr


def shut_out(run_in: Inside) -> dict[str, int]:
    """Return whom the gateway shuts out, and for how many seconds more."""
    listed = json.loads(run_in("gw", "nft", "-j", "list", "set", "inet", "haechi", "flooder4").stdout)["nftables"]
    rows = [row["elem"] for item in listed for row in item.get("set", {}).get("elem", [])]
    return {row["val"]: row["expires"] for row in rows}


def arrived(run_in: Inside) -> int:
    """Return how many connections' first packets have come to data1."""
    told = run_in("data1", "nft", "-j", "list", "counter", "inet", "haechi", "flow-hr-to-receiver").stdout
    return next(item["counter"]["packets"] for item in json.loads(told)["nftables"] if "counter" in item)


@contextmanager
def beside(**where: Any) -> Iterator[list[dict[str, Any]]]:
    """Have a customer come a second before, all through and a second after; what he saw is in the list at the end."""
    seen: list[dict[str, Any]] = []
    customer = ask("customer", source=CUSTOMER, seconds=120, **where)
    time.sleep(1)
    yield seen
    time.sleep(1)
    seen.extend(json.loads(customer.communicate("enough\n", timeout=60)[0]))


def kept(seen: list[dict[str, Any]]) -> float:
    """Return how many of a hundred visits worked."""
    assert len(seen) >= 5
    return 100 * sum(row["works"] for row in seen) / len(seen)


def test_without_limits_the_same_floods_come_through(run_in: Inside) -> None:
    """Otherwise the tests below would show nothing; it stands before the first that has them."""
    before = arrived(run_in)
    thrown("client", "-S", "-p", str(PORT), "-a", SYN, "-i", "u500", "-c", "2000", DATA1)

    assert arrived(run_in) - before > 1500
    held = begin("hold", source=HELD, times=60)
    assert (held["opened"], held["alive"]) == (60, 3)


@pytest.mark.usefixtures("limits")
def test_a_syn_flood_is_thinned_and_nobody_is_shut_out_by_it(run_in: Inside) -> None:
    """4,000 first packets, of which 60 a second may come through; anybody could have forged their source."""
    before, began = arrived(run_in), time.time()
    with beside() as seen:
        told = thrown("client", "-S", "-p", str(PORT), "-a", SYN, "-i", "u500", "-c", "4000", DATA1)
        took = time.time() - began
    came = arrived(run_in) - before - len(seen)

    record(Row("SYN flood", blocked=came <= 60 * (took + 2), seen="counter of chain floods", kept=kept(seen)))
    assert "4000 packets" in told
    assert 60 <= came <= 60 * (took + 2)
    assert kept(seen) >= 99
    assert SYN not in shut_out(run_in)


@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize("kind", ["--udp", "--icmp"])
def test_a_flood_of_datagrams_harms_nobody(run_in: Inside, kind: str) -> None:
    """None comes through the gateway: no flow leads there; and its source may be anybody's."""
    with beside() as seen:
        thrown("client", kind, "-a", SENT, "-i", "u500", "-c", "3000", DATA1)
    rules = run_in("gw", "nft", "list", "chain", "inet", "haechi", "floods").stdout.splitlines()
    dropped = next(line for line in rules if "@datagrams4" in line)

    count = int(dropped.split("counter packets ")[1].split()[0])
    record(Row(f"{kind[2:].upper()} flood", count > 1000, "counter of chain floods", kept=kept(seen)))
    assert count > 1000
    assert kept(seen) >= 99
    assert SENT not in shut_out(run_in)


@pytest.mark.usefixtures("limits")
def test_who_completes_too_many_connections_is_shut_out(run_in: Inside) -> None:
    """10 a second are policy's limit here; more ends in a minute outside."""
    with beside() as seen:
        did = begin("hurry", source=HURRIED, times=300)
        out = shut_out(run_in)
        again = begin("talk", source=HURRIED, timeout=2)

    record(Row("connection flood", HURRIED in out, "set flooder4", kept=kept(seen), seconds=did["seconds"]))
    assert 10 <= did["opened"] < 300
    assert 0 < out[HURRIED] <= 60
    assert again["works"] is False
    assert kept(seen) >= 99


@pytest.mark.usefixtures("limits")
def test_who_holds_too_many_connections_gets_no_more(run_in: Inside) -> None:
    """40 at once are policy's limit here; whoever lets go of them comes in again."""
    with beside() as seen:
        did = begin("hold", source=HELD, times=60)
    again = begin("talk", source=HELD)

    record(
        Row("held connections", did["opened"] < 60, "counter of chain floods", kept=kept(seen), seconds=did["seconds"])
    )
    assert (did["opened"], did["alive"], again["works"]) == (40, 3, True)
    assert HELD not in shut_out(run_in)
    assert kept(seen) >= 99


@pytest.mark.usefixtures("limits")
def test_management_is_never_limited_nor_shut_out(run_in: Inside) -> None:
    """What would be a flood from outside: every ping of six times the limit is answered."""
    told = thrown("trixie", "--icmp", "-i", "u3000", "-c", "300", DATA1)

    assert "300 packets" in told
    assert " 0% packet loss" in told
    assert not any(address.startswith("10.78.40.") for address in shut_out(run_in))


@pytest.mark.usefixtures("limits")
def test_nobody_outside_can_have_management_shut_out(run_in: Inside) -> None:
    """A forged source of the management zone goes no further than the gateway's line."""
    before = arrived(run_in)
    thrown("client", "-S", "-p", str(PORT), "-a", "10.78.40.11", "-i", "u1000", "-c", "500", DATA1)

    assert arrived(run_in) == before
    assert not any(address.startswith("10.78.40.") for address in shut_out(run_in))


def tracked(run_in: Inside) -> int:
    """Return how many connections the gateway knows of."""
    return int(run_in("gw", "cat", "/proc/sys/net/netfilter/nf_conntrack_count").stdout)


@pytest.mark.usefixtures("limits")
def test_a_flood_from_forged_sources_leaves_no_trace_at_a_door(run_in: Inside) -> None:
    """No limit by source knows it. Past the proxy each packet is a connection for two minutes (SYN_SENT)."""
    before = tracked(run_in)
    with beside(**DOOR) as seen:
        begin("forge", network=NOBODY, times=FORGED, **DOOR)
    left = tracked(run_in) - before - len(seen)
    begin("forge", network=NOBODY, times=FORGED)
    filled = tracked(run_in) - before - left

    record(Row("forged SYN flood", blocked=left < FORGED / 20, seen="connection table of the gateway", kept=kept(seen)))
    assert left < FORGED / 20
    assert filled > FORGED * 0.9
    assert kept(seen) >= 99


@pytest.mark.usefixtures("limits")
def test_limits_by_source_count_at_a_door_too(run_in: Inside) -> None:
    """There a handshake is complete, and a connection held, when the gateway opens it to the server."""
    did = begin("hurry", source=PROVEN, times=300, **DOOR)
    out = shut_out(run_in)
    held = begin("hold", source=HOLDER, times=60, **DOOR)

    assert 10 <= did["opened"] < 300
    assert 0 < out[PROVEN] <= 60
    # The last one got its cookie, and nobody behind it.
    assert (held["opened"], held["alive"]) == (41, 3)
    assert HOLDER not in out


@pytest.mark.usefixtures("limits")
def test_a_connection_through_a_door_outlives_a_new_rule_set(run_in: Inside) -> None:
    """The kernel goes on translating numbers and times between client and server."""
    line = ask("keep", source=CUSTOMER, **DOOR)
    time.sleep(1)
    loaded = run_in("gw", "nft", "-f", "/etc/haechi/firewall.nft").returncode
    answer = json.loads(line.communicate("enough\n", timeout=60)[0])

    assert (loaded, answer) == (0, {"before": True, "after": True})
