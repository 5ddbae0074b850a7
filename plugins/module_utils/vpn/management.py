"""OpenVPN's management socket: who has a tunnel now, and the end of one (management-notes.txt of OpenVPN)."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = "/run/haechi-vpn"
SECONDS = 3.0
MOST = 1 << 20
# Fields of a row of `status 3` that its header names in this order since 2.4.
_PERSON, _ADDRESS, _TUNNEL, _SINCE = 1, 2, 3, 8


class ManagementError(OSError):
    """OpenVPN runs and does not answer; the text says where."""


@dataclass(frozen=True)
class Tunnel:
    """One live tunnel; ``since`` in seconds since 1970, ``by`` is udp or tcp."""

    person: str
    address: str
    tunnel: str
    since: int
    by: str

    def where(self) -> str:
        """Return in a few words where it comes from and what it has here."""
        return f"{self.tunnel} from {self.address} over {self.by}"


def sockets() -> list[str]:
    """Return the sockets of the VPN on this host; none where there is no VPN."""
    return sorted(glob.glob(f"{FOLDER}/*.sock"))  # noqa: PTH207 - names alone


def tunnels(path: str) -> list[Tunnel]:
    """Return who has a tunnel by one OpenVPN; nobody where it does not run.

    Raises ``ManagementError`` where it runs and does not answer.
    """
    by = Path(path).stem
    rows = (line.split("\t") for line in ask(path, "status 3"))
    return [
        Tunnel(row[_PERSON], row[_ADDRESS], row[_TUNNEL], int(row[_SINCE]), by)
        for row in rows
        if row[0] == "CLIENT_LIST" and len(row) > _SINCE and row[_SINCE].isdigit()
    ]


def everywhere() -> tuple[list[Tunnel], list[str]]:
    """Return all live tunnels of this host, and what those say that run and do not answer."""
    found: list[Tunnel] = []
    silent: list[str] = []
    for path in sockets():
        try:
            found += tunnels(path)
        except ManagementError as error:
            silent.append(str(error))
    return found, silent


def end(person: str) -> None:
    """End every tunnel of a person, and nobody else's.

    Raises ``ManagementError`` where one may go on.
    """
    faults = [fault for path in sockets() for fault in _ended(path, person)]
    if faults:
        raise ManagementError("; ".join(faults))


def _ended(path: str, person: str) -> Iterator[str]:
    try:
        said = ask(path, f"kill {person}")
    except ManagementError as error:
        yield str(error)
        return
    if said and not said[-1].startswith("SUCCESS") and "not found" not in said[-1]:
        yield f"{path}: {said[-1]}"


def ask(path: str, command: str) -> list[str]:
    """Return the lines that answer one command; none where nobody runs there.

    Raises ``ManagementError``.
    """
    import socket  # noqa: PLC0415 -- slow to begin, and seldom asked

    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        try:
            connection.connect(path)
            connection.sendall(f"{command}\n".encode())
            return _answer(connection.recv)
        except (ConnectionRefusedError, FileNotFoundError):
            return []
        except OSError as error:
            raise ManagementError(f"{path}: OpenVPN does not answer ({error})") from error


def _answer(receive: Callable[[int], bytes]) -> list[str]:
    """Return what is said up to the line that ends an answer; OpenVPN does not say it all to who quits at once."""
    heard = b""
    while len(heard) < MOST and (part := receive(1 << 16)):
        heard += part
        *lines, _ = heard.decode(errors="replace").replace("\r", "").split("\n")
        # What begins with `>` is no answer but what OpenVPN says of itself.
        said = [line for line in lines if not line.startswith(">")]
        if said and (said[-1] == "END" or said[-1].startswith(("SUCCESS", "ERROR"))):
            return said
    raise ManagementError("it hung up before its answer was whole")
