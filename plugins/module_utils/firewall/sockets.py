"""Open sockets as ss(8) shows them, held against the listeners that policy declares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

SOCKET = re.compile(r"^(?P<proto>tcp|udp)\s+\S+\s+\d+\s+\d+\s+(?P<address>\S+):(?P<port>\d+)\s+\S+\s*(?P<users>.*)$")
EPHEMERAL = 32768
PROCESS = re.compile(r'\(\("([^"]+)"')


@dataclass(frozen=True, order=True)
class Socket:
    """One open socket."""

    proto: str
    port: int
    process: str
    local: bool


def parse(text: str) -> tuple[Socket, ...]:
    """Return the sockets in the output of ``ss -H -l -t -u -n -p``, each once."""
    found = set()
    for line in text.splitlines():
        match = SOCKET.match(line.strip())
        if match is None:
            continue
        process = PROCESS.search(match["users"])
        found.add(Socket(match["proto"], int(match["port"]), process[1] if process else "?", _local(match["address"])))
    return tuple(sorted(found))


def _local(address: str) -> bool:
    bare = address.strip("[]").partition("%")[0]
    return bare != "*" and ip_address(bare.strip("[]")).is_loopback


def undeclared(sockets: Iterable[Socket], declared: Iterable[Mapping[str, Any]]) -> tuple[Socket, ...]:
    """Return the sockets that no declaration covers; one that only loopback reaches needs none."""
    entries = list(declared)
    return tuple(socket for socket in sockets if not socket.local and not any(_covers(e, socket) for e in entries))


def _covers(entry: Mapping[str, Any], socket: Socket) -> bool:
    if entry["local"] or entry["proto"] != socket.proto or not _is(entry["process"], socket.process):
        return False
    # A resolver asks from ports of the moment (ip(7), ip_local_port_range); UDP has no state that tells them apart.
    return bool(entry["port"] == socket.port or (socket.proto == "udp" and socket.port >= EPHEMERAL))


def missing(sockets: Iterable[Socket], declared: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the declared listeners that nobody serves, as ``process proto/port``."""
    open_ports = {(socket.proto, socket.port) for socket in sockets}
    absent = (entry for entry in declared if (entry["proto"], entry["port"]) not in open_ports)
    return tuple(f"{entry['process']} {entry['proto']}/{entry['port']}" for entry in absent)


def _is(declared: str, seen: str) -> bool:
    # The kernel cuts a name to 15 characters (proc(5), comm); with socket activation systemd holds the socket.
    return seen in {declared[:15], "systemd", "?"}
