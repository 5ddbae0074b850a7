"""The host's half: a timer's look at its own certificates, and a new key and certificate for each that is due.

``PATH.next`` holds the new key before it is asked about, and then the certificate too: an answer that is lost is asked
for again with the same key, and a swap that a crash interrupts is finished from it, at boot before services start.
"""

from __future__ import annotations

import json
import pwd
import re
import socket
import subprocess
import sys
import syslog
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.pki import x509
from ansible_collections.haechi.guard.plugins.module_utils.pki.x509 import X509Error
from ansible_collections.haechi.guard.plugins.module_utils.renewal import judge, request
from ansible_collections.haechi.guard.plugins.module_utils.renewal.request import RequestError

CONFIG, ROOT = "/etc/haechi/renew.json", "/etc/haechi/x509/root.pem"
ALARM = "renewal"
SECONDS = 20.0
_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----\n?", re.DOTALL)
_FAILED = (RequestError, X509Error, OSError, ValueError, LookupError, subprocess.SubprocessError)


def main(arguments: list[str]) -> int:
    """Renew what is due; 0 if nothing failed. ``--finish``: only what a crash interrupted."""
    config, now = json.loads(Path(CONFIG).read_text(encoding="ascii")), datetime.now(timezone.utc)  # noqa: UP017
    failed = False
    for leaf in config["leaves"]:
        try:
            renewed = finish(leaf) if "--finish" in arguments else renew(config, leaf, now)
        except _FAILED as error:
            why = f"{leaf['path']}.pem is not renewed: {error}. It is tried each hour; else run site.yml"
            alarm.raise_alarm(f"{ALARM}-{leaf['name']}", why)
            failed = True
            continue
        if renewed:
            syslog.syslog(syslog.LOG_AUTH | syslog.LOG_NOTICE, f"{leaf['path']}.pem is new")
        if "--finish" not in arguments:
            alarm.clear(f"{ALARM}-{leaf['name']}")
    return 1 if failed else 0


def renew(config: Mapping[str, Any], leaf: Mapping[str, Any], now: datetime) -> bool:
    """Renew one certificate where it is due; tell whether it was.

    Raises one of ``_FAILED``; the old pair stays.
    """
    finished = finish(leaf)
    text = Path(f"{leaf['path']}.pem").read_text(encoding="ascii")
    if not due(x509.read(text), now):
        if finished:
            reload(leaf["reload"])
        return finished
    key = new_key(leaf)
    csr = x509.request(key, leaf["names"][0])
    asked = request.build(name=leaf["name"], csr=csr, leaf=text, key=f"{leaf['path']}.key", at=now)
    told = json.loads(ask(config["address"], int(config["port"]), asked))
    if not isinstance(told, dict) or "certificate" not in told:
        said = told.get("refused") if isinstance(told, dict) else "no answer"
        raise RequestError(f"{config['address']} says: {str(said)[:300]}")
    chain = checked(str(told["certificate"]), leaf, x509.public_of(key), int(config["days"]), now)
    put(leaf, chain)
    reload(leaf["reload"])
    return True


def due(seen: x509.Seen, now: datetime) -> bool:
    """Return whether a third of a certificate's life is left, or less."""
    return seen.ends - now < (seen.ends - seen.begins) / 3


def new_key(leaf: Mapping[str, Any]) -> str:
    """Return the file of the new key: the one that was asked about before, where the answer was lost."""
    path = f"{leaf['path']}.next"
    try:
        x509.public_of(path)
    except X509Error:
        _write(path, x509.new_key(), "root", 0o600)
    return path


def put(leaf: Mapping[str, Any], chain: str) -> None:
    """Put what was signed in place, together with the new key that it is for.

    Raises ``X509Error`` where that key is not the one that waits here; the old pair stays.
    """
    path = f"{leaf['path']}.next"
    if x509.public_of(path) != x509.read(chain).public:
        raise X509Error(f"what was signed for {leaf['path']} is not for the key that waits there: run site.yml again")
    _write(path, Path(path).read_text(encoding="ascii") + chain, "root", 0o600)
    finish(leaf)


def finish(leaf: Mapping[str, Any]) -> bool:
    """Put a new key and certificate in place, where both are here; tell whether they were. Done twice is done once."""
    place = Path(f"{leaf['path']}.next")
    if not place.is_file():
        return False
    blocks = [(match[1], match[0]) for match in _PEM.finditer(place.read_text(encoding="ascii"))]
    chain = "".join(text for kind, text in blocks if kind == "CERTIFICATE")
    if not chain:
        return False
    key = "".join(text for kind, text in blocks if kind.endswith("PRIVATE KEY"))
    _write(f"{leaf['path']}.key", key, leaf["user"], 0o600)
    _write(f"{leaf['path']}.pem", chain, leaf["user"], 0o644)
    place.unlink()
    return True


def checked(text: str, leaf: Mapping[str, Any], public: str, days: int, now: datetime) -> str:
    """Return the certificate that was signed, with its chain, where it is the one that was asked for.

    Raises ``RequestError``.
    """
    seen = x509.read(text)
    blocks = [match[0] for match in _PEM.finditer(text) if match[1] == "CERTIFICATE"]
    if not judge.is_of(seen, leaf):
        raise RequestError(f"what was signed is for {', '.join((*seen.names, *seen.addresses))}")
    if seen.public != public:
        raise RequestError("what was signed is another key's")
    if not x509.comes_from(text, "".join(blocks[1:]), Path(ROOT).read_text(encoding="ascii")):
        raise RequestError("it was not signed by the site's authority")
    life = seen.ends - seen.begins
    if seen.begins > now + request.SKEW or due(seen, now) or life > timedelta(days=days + 1):
        raise RequestError(f"what was signed counts from {seen.begins:%Y-%m-%d %H:%M} to {seen.ends:%Y-%m-%d %H:%M}")
    return "".join(blocks)


def ask(address: str, port: int, data: bytes) -> bytes:
    """Send one request and return the whole answer.

    Raises ``RequestError`` where none comes.
    """
    told = b""
    try:
        with socket.create_connection((address, port), timeout=SECONDS) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(1 << 14):
                told += part
                if len(told) > request.MOST:
                    raise RequestError(f"{address} port {port}: more than {request.MOST} bytes are no answer")
    except OSError as error:
        raise RequestError(f"{address} port {port}: {error.strerror or error}") from error
    if not told.strip():
        raise RequestError(f"{address} port {port}: it hung up without a word")
    return told


def reload(units: list[str]) -> None:
    """Have the services that run take the new certificate.

    Raises ``SubprocessError`` where one cannot.
    """
    for unit in units:
        if subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False).returncode == 0:
            subprocess.run(["systemctl", "reload-or-restart", unit], check=True)


def _write(path: str, text: str, user: str, mode: int) -> None:
    files.write(path, text.encode("ascii"), mode=mode, uid=pwd.getpwnam(user).pw_uid, gid=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
