"""Open sockets are read as ss prints them, and held against what policy declares."""

from __future__ import annotations

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.firewall.sockets import Socket, missing, parse, undeclared

SSHD = Socket("tcp", 22, "sshd", local=False)
SSH = {"proto": "tcp", "port": 22, "process": "sshd", "local": False}
CACHE = {"proto": "tcp", "port": 3142, "process": "apt-cacher-ng-daemon", "local": False}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))', SSHD),
        ('tcp LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=1,fd=4))', SSHD),
        ('tcp   LISTEN 0      128   *:22   *:*    users:(("sshd",pid=1,fd=4),("systemd",pid=1,fd=9))', SSHD),
        (
            'udp UNCONN 0 0 127.0.0.1:323 0.0.0.0:* users:(("chronyd",pid=7,fd=5))',
            Socket("udp", 323, "chronyd", local=True),
        ),
        ('udp UNCONN 0 0 [::1]:323 [::]:* users:(("chronyd",pid=7,fd=6))', Socket("udp", 323, "chronyd", local=True)),
        (
            'tcp LISTEN 0 64 127.0.0.53%lo:53 0.0.0.0:* users:(("systemd-resolve",pid=5,fd=1))',
            Socket("tcp", 53, "systemd-resolve", local=True),
        ),
        ("udp UNCONN 0 0 [fe80::1]%eth0:546 [::]:*", Socket("udp", 546, "?", local=False)),
        ("udp UNCONN 0 0 10.9.1.11:51820 0.0.0.0:*", Socket("udp", 51820, "?", local=False)),
    ],
)
def test_a_line_of_ss_is_a_socket(line: str, expected: Socket) -> None:
    """Protocol, port, first process and whether only loopback reaches it are read from every spelling."""
    assert parse(line) == (expected,)


def test_a_socket_counts_once() -> None:
    """Both IP versions of one listener are one socket, other lines are none, the order is fixed."""
    assert parse(
        'udp UNCONN 0 0 0.0.0.0:53 0.0.0.0:* users:(("dnsmasq",pid=9,fd=4))\n'
        "\n"
        'tcp LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=1,fd=4))\n'
        "Cannot open netlink socket\n"
        'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))\n'
    ) == (SSHD, Socket("udp", 53, "dnsmasq", local=False))


@pytest.mark.parametrize(
    ("socket", "declared", "expected"),
    [
        pytest.param(SSHD, [SSH], (), id="declared"),
        pytest.param(SSHD, [], (SSHD,), id="not-declared"),
        pytest.param(SSHD, [SSH | {"proto": "udp"}], (SSHD,), id="other-protocol"),
        pytest.param(SSHD, [SSH | {"port": 2222}], (SSHD,), id="other-port"),
        pytest.param(SSHD, [SSH | {"process": "dropbear"}], (SSHD,), id="other-process"),
        pytest.param(SSHD, [SSH | {"local": True}], (SSHD,), id="wider-than-declared"),
        pytest.param(Socket("tcp", 22, "sshd", local=True), [], (), id="loopback-needs-none"),
        pytest.param(Socket("tcp", 22, "systemd", local=False), [SSH], (), id="socket-activated"),
        pytest.param(Socket("tcp", 22, "?", local=False), [SSH], (), id="held-by-the-kernel"),
        pytest.param(Socket("tcp", 3142, "apt-cacher-ng-d", local=False), [CACHE], (), id="name-cut-by-the-kernel"),
    ],
)
def test_what_no_listener_covers_is_a_finding(
    socket: Socket, declared: list[dict[str, object]], expected: tuple[Socket, ...]
) -> None:
    """A socket others can reach must be declared with its port, process and reach."""
    assert undeclared([socket], declared) == expected


@pytest.mark.parametrize(
    ("sockets", "expected"),
    [
        ((), ("sshd tcp/22", "apt-cacher-ng-daemon tcp/3142")),
        ((SSHD,), ("apt-cacher-ng-daemon tcp/3142",)),
        ((SSHD, Socket("udp", 3142, "apt-cacher-ng-d", local=False)), ("apt-cacher-ng-daemon tcp/3142",)),
        ((SSHD, Socket("tcp", 3142, "apt-cacher-ng-d", local=True)), ()),
    ],
)
def test_a_declared_listener_that_nobody_serves_is_named(
    sockets: tuple[Socket, ...], expected: tuple[str, ...]
) -> None:
    """Each declaration without an open port is named with its process, in policy's order."""
    assert missing(sockets, [SSH, CACHE]) == expected
