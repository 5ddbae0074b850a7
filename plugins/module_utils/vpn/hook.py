"""What OpenVPN asks at each handshake, connect and disconnect: who may come in, with which address, for how long.

Runs as the VPN's own account, but for ``refused``, which PAM calls as root. Whatever it cannot judge it refuses, and
each answer is one line of the log with the tag ``haechi-vpn`` (auth): person, address, and bytes at the end.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import syslog
import time
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.pki import held
from ansible_collections.haechi.guard.plugins.module_utils.pull import document
from ansible_collections.haechi.guard.plugins.module_utils.pull.document import ListError
from ansible_collections.haechi.guard.plugins.module_utils.vpn import management

SETTINGS = "/etc/haechi/vpn/people.json"
TAG = "haechi-vpn"
_FAILED = (ListError, OSError, ValueError, LookupError, subprocess.SubprocessError)


class RefusedError(Exception):
    """Somebody does not come in; the text says why."""


def main(arguments: list[str], told: Mapping[str, str] = os.environ) -> int:
    """Answer one question; 0 lets in. ``arguments``: the verb, the transport or "-", and what OpenVPN adds."""
    verb, by, *more = arguments
    try:
        settings = json.loads(Path(SETTINGS).read_text(encoding="utf-8"))
        VERBS[verb](settings, by, more, told)
    except RefusedError as error:
        _log("refused", by, told, why=str(error))
        return 1
    except _FAILED as error:
        _log("refused", by, told, why=f"it cannot be judged: {error}")
        return 1
    return 0


def verify(settings: Mapping[str, Any], _: str, more: list[str], told: Mapping[str, str]) -> None:
    """Judge a certificate that is signed and not revoked: its person has a place, and has not left.

    OpenVPN asks at each renegotiation too. Raises ``RefusedError``.
    """
    # The authority's own certificate comes before the person's (openvpn(8), --tls-verify).
    if more[0] == "0":
        admitted(settings, told["X509_0_CN"])


def admitted(settings: Mapping[str, Any], person: str) -> None:
    """Raise ``RefusedError`` for whoever has no place in the VPN, left, or waits for a fresh list."""
    listed = document.read(Path(held.HELD).read_bytes(), str(settings["site"]))
    waiting = Path(document.REFUSED)
    if why := refusal(settings["people"], person, listed.people, waiting.read_text() if waiting.is_file() else ""):
        raise RefusedError(why)


def refusal(places: Mapping[str, str], person: str, left: Mapping[str, Any], waiting: str) -> str:
    """Return why a person does not come in; empty for one who does. Pure."""
    if person in left:
        return "they left"
    if person not in places:
        return "no job of theirs has a place in the VPN"
    return "the list of who left is stale, and people wait" if person in waiting.splitlines() else ""


def connect(settings: Mapping[str, Any], by: str, more: list[str], told: Mapping[str, str]) -> None:
    """Write what this tunnel is given into the file that OpenVPN names: address, routes, and when it ends.

    Raises ``RefusedError``.
    """
    person = told["common_name"]
    if told.get("username") != person:
        raise RefusedError("the user name is not that of the certificate")
    admitted(settings, person)
    left = remaining(settings, told, time.time())
    job = settings["jobs"][settings["people"][person]]
    address = _taken(by, job[by], person)
    network = ip_network(settings["network"])
    lines = [
        f"ifconfig-push {address} {network.netmask}",
        f"session-timeout {left}",
        f"inactive {settings['idle_s']}",
        *(f'push "route {one.network_address} {one.netmask}"' for one in map(ip_network, job["routes"])),
    ]
    Path(more[-1]).write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    _log("connected", by, told, tunnel=address, job=settings["people"][person], seconds=left)


def remaining(settings: Mapping[str, Any], told: Mapping[str, str], now: float) -> int:
    """Return the seconds that are left since the code; a token that reconnects does not begin anew.

    Raises ``RefusedError`` where none are.
    """
    folder = Path(management.FOLDER, "sessions")
    for old in folder.iterdir():
        if now - old.stat().st_mtime > float(settings["session_s"]):
            old.unlink(missing_ok=True)
    # The id is base64, which may hold a slash.
    place = folder / hashlib.sha256(told["session_id"].encode()).hexdigest()
    if told.get("session_state") == "Initial":
        place.write_text(str(now), encoding="ascii")
        return int(settings["session_s"])
    left = int(float(place.read_text(encoding="ascii")) + settings["session_s"] - now) if place.is_file() else 0
    if left <= 0:
        raise RefusedError("the time since the last code is over")
    return left


def _taken(by: str, pool: str, person: str) -> str:
    """Return an address of a pool, held until the tunnel ends. Raises ``RefusedError`` where none is free."""
    folder = Path(management.FOLDER, by)
    for address in addresses(pool):
        try:
            handle = os.open(folder / address, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(handle, "w") as file:
            file.write(person)
        return address
    raise RefusedError(f"no address of {pool} is free")


def addresses(pool: str) -> Iterator[str]:
    """Yield the addresses that people of a pool may have."""
    yield from map(str, ip_network(pool).hosts())


def disconnect(_: Mapping[str, Any], by: str, __: list[str], told: Mapping[str, str]) -> None:
    """Give the address back, and write down who was connected for how long with how many bytes."""
    address = told.get("ifconfig_pool_remote_ip", "")
    if not address:
        return  # it was refused when it connected, and said so
    Path(management.FOLDER, by, address).unlink(missing_ok=True)
    counts = {"received": told["bytes_received"], "sent": told["bytes_sent"], "seconds": told["time_duration"]}
    _log("disconnected", by, told, tunnel=address, **counts)


def refused(_: Mapping[str, Any], by: str, __: list[str], told: Mapping[str, str]) -> None:
    """Write down for PAM whose code was wrong."""
    _log("refused", by, {"common_name": told["PAM_USER"], "untrusted_ip": told.get("PAM_RHOST", "")}, why="wrong code")


def device(settings: Mapping[str, Any], by: str, _: list[str], __: Mapping[str, str]) -> None:
    """Make the tunnels' interface and the ways to the pools, as root before OpenVPN starts, which then needs neither.

    Raises ``CalledProcessError`` with ip's own exit code.
    """
    name = f"vpn-{by}"
    if not Path("/sys/class/net", name).exists():
        _ip("tuntap", "add", "dev", name, "mode", "tun")
    _ip("address", "replace", f"{settings['gateway']}/32", "dev", name)
    _ip("link", "set", name, "up")
    pools = {job[by] for job in settings["jobs"].values()}
    shown = subprocess.run(["ip", "-json", "route", "show", "dev", name], capture_output=True, text=True, check=True)
    for old in {row["dst"] for row in json.loads(shown.stdout or "[]")} - pools:
        _ip("route", "delete", old, "dev", name)
    for pool in sorted(pools):
        _ip("route", "replace", pool, "dev", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL)


def _log(what: str, by: str, told: Mapping[str, str], **more: object) -> None:
    address = told.get("trusted_ip") or told.get("untrusted_ip", "")
    port = told.get("trusted_port") or told.get("untrusted_port", "")
    person = told.get("common_name") or told.get("X509_0_CN", "")
    rows = {"person": person, "from": f"{address}:{port}".rstrip(":"), "by": by, **more}
    # A name comes from outside: what it holds makes no second line and no second field.
    text = " ".join(f"{word}={json.dumps(str(value))}" for word, value in rows.items() if value != "-")
    syslog.openlog(TAG, 0, syslog.LOG_AUTH)
    syslog.syslog(syslog.LOG_WARNING if what == "refused" else syslog.LOG_NOTICE, f"{what} {text}")


VERBS = {"verify": verify, "connect": connect, "disconnect": disconnect, "refused": refused, "device": device}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
