"""A container engine on a host: requests through its translation, from a machine that obeys no policy."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Opens = Callable[[str, str, int], bool]
Inside = Callable[..., subprocess.CompletedProcess[str]]
Playbook = Callable[..., tuple[int, str]]

HOST, CONTAINER, BRIDGE = "10.78.40.12", "172.29.0.2", "172.29.0.1"
ENGINE = (Path(__file__).parent / "engine.nft").read_text()
SERVE = "for port in 80 81; do python3 -m http.server $port --directory /srv & done; wait"


@pytest.fixture(scope="module")
def engine(run_in: Inside, neighbour: Callable[..., int], stranger: str) -> Iterator[None]:
    """Give bookworm a container behind docker0, published as an engine does, and the stranger a way to it."""
    boxed = neighbour("boxed", "none", "sh", "-c", SERVE)
    host = subprocess.check_output(["podman", "inspect", "--format", "{{.State.Pid}}", "haechi-molecule-bookworm"])
    pair = ["ip", "link", "add", "veth0", "type", "veth", "peer", "name", "eth0", "netns", str(boxed)]
    subprocess.run(["nsenter", "--target", host.decode().strip(), "--net", "--mount", *pair], check=True)
    for name, command in (
        ("bookworm", "ip link add docker0 type bridge"),
        ("bookworm", f"ip address add {BRIDGE}/24 dev docker0"),
        ("bookworm", "ip link set docker0 up"),
        ("bookworm", "ip link set veth0 master docker0 up"),
        ("boxed", f"ip address add {CONTAINER}/24 dev eth0"),
        ("boxed", "ip link set eth0 up"),
        ("boxed", f"ip route add default via {BRIDGE}"),
        (stranger, f"ip route replace 172.29.0.0/24 via {HOST}"),
    ):
        done = run_in(name, *command.split())
        assert done.returncode == 0, f"{command}: {done.stderr}"
    loaded = run_in("bookworm", "nft", ENGINE)
    assert loaded.returncode == 0, loaded.stderr
    yield
    run_in("bookworm", "nft", "delete", "table", "ip", "nat")
    run_in("bookworm", "ip", "link", "delete", "docker0")


def dropped(run_in: Inside) -> int:
    """Return how many packets bookworm's forward chain let fall at its end."""
    listed = json.loads(run_in("bookworm", "nft", "-j", "list", "chain", "inet", "haechi", "forward").stdout)
    rules = [item["rule"]["expr"] for item in listed["nftables"] if "rule" in item]
    return int(rules[-1][-1]["counter"]["packets"])


@pytest.mark.usefixtures("engine")
def test_a_published_port_answers(opens: Opens) -> None:
    """By the port that was asked for, though the container listens on another."""
    assert opens("stranger", HOST, 8080)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("address", "port"),
    [
        pytest.param(HOST, 8081, id="the engine publishes what policy does not"),
        pytest.param(CONTAINER, 80, id="the container's own address"),
        pytest.param(CONTAINER, 8080, id="the published port at the container's own address"),
    ],
)
def test_nothing_else_reaches_a_container(opens: Opens, run_in: Inside, address: str, port: int) -> None:
    """The host's forward chain lets it fall, and the container would have answered."""
    before = dropped(run_in)

    assert not opens("stranger", address, port)
    assert dropped(run_in) > before
    assert opens("boxed", "127.0.0.1", 81)


@pytest.mark.usefixtures("engine")
def test_a_container_goes_out(opens: Opens, run_in: Inside) -> None:
    """To where its host may go, and no further."""
    found = run_in("bookworm", "getent", "ahostsv4", "deb.debian.org").stdout.split()[0]

    assert opens("boxed", found, 80)
    assert not opens("boxed", BRIDGE, 22)
    assert not opens("boxed", "10.78.30.11", 22)


@pytest.mark.usefixtures("engine")
def test_a_deleted_table_is_drift_and_is_mended(run_in: Inside, playbook: Playbook, opens: Opens) -> None:
    """What somebody took away by hand is found by the next run; the engine's table survives it as it was."""
    theirs = run_in("bookworm", "nft", "list", "table", "ip", "nat").stdout
    run_in("bookworm", "nft", "delete", "table", "inet", "haechi")

    code, words = playbook("converge.yml", "--limit", "bookworm")

    assert code == 0, words[-2000:]
    assert "changed=1" in words
    assert run_in("bookworm", "nft", "list", "table", "ip", "nat").stdout == theirs
    assert opens("stranger", HOST, 8080)
    assert not opens("stranger", HOST, 8081)
    assert opens("trixie", HOST, 22)
