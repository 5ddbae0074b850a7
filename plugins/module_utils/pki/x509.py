"""X.509 with openssl(1) on a host: keys that never leave it, requests, what a certificate says, and signing.

Stands alone (standard library, no sibling): the controller sends this file to the authority as one signing errand.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import secrets
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Any

# RFC 5280, 4.2.1.12; what a leaf may be used for.
USES = {"server": "serverAuth", "client": "clientAuth", "both": "serverAuth,clientAuth"}
KEY, CHAIN, ROOT, REGISTER = "x509_issuing.key", "x509_issuing.pem", "x509_root.pem", "issued-x509.jsonl"
_TOLD = {"TLS Web Server Authentication": "serverAuth", "TLS Web Client Authentication": "clientAuth"}
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----\n?", re.DOTALL)
_DATE = "%b %d %H:%M:%S %Y GMT"


class X509Error(ValueError):
    """openssl refuses, or what it was given is no certificate; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One certificate. Times are UTC; ``public`` is the public key as PEM; ``names`` are sorted, addresses too."""

    serial: str
    begins: datetime
    ends: datetime
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    uses: tuple[str, ...]
    public: str


def openssl(*arguments: str, text: str = "", user: str | None = None) -> str:
    """Run openssl, as another account where one is named, and return what it printed.

    Raises ``X509Error`` with its own words.
    """
    who = pwd.getpwnam(user) if user else None
    done = subprocess.run(
        ["openssl", *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        user=who.pw_uid if who else None,
        group=who.pw_gid if who else None,
        # Else the child would keep root's other groups (setgroups(2)).
        extra_groups=[] if who else None,
    )
    if done.returncode:
        raise X509Error((done.stderr or done.stdout).strip()[-400:] or f"openssl ended with {done.returncode}")
    return done.stdout


def new_key(curve: str = "P-256") -> str:
    """Return a new private key as PEM; it is written by whoever asked, and nowhere else."""
    return openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}")


def public_of(path: str) -> str:
    """Return the public half of a private key's file, as PEM."""
    return openssl("pkey", "-in", path, "-pubout")


def request(path: str, name: str) -> str:
    """Return a request for a certificate of the key in a file; who it is for is decided where it is signed."""
    return openssl("req", "-new", "-key", path, "-subj", f"/CN={name}")


def read(text: str, *, user: str | None = None) -> Seen:
    """Return what the first certificate of a text says, read by another account where one is named.

    Raises ``X509Error`` where there is none.
    """
    shown = openssl(
        *("x509", "-noout", "-serial", "-startdate", "-enddate", "-pubkey"),
        *("-ext", "subjectAltName,extendedKeyUsage"),
        text=text,
        user=user,
    )
    block = _BLOCK.search(shown)
    words = re.search(r"(?m)^serial=(.+)$\s^notBefore=(.+)$\s^notAfter=(.+)$", shown)
    if block is None or words is None:
        raise X509Error(f"no certificate with an end: {shown[:120]!r}")
    names = re.findall(r"DNS:([^\s,]+)", shown)
    addresses = [str(ip_address(found)) for found in re.findall(r"IP Address:([0-9A-Fa-f.:]+)", shown)]
    return Seen(
        serial=words.group(1).strip(),
        begins=_time(words.group(2)),
        ends=_time(words.group(3)),
        names=tuple(sorted(names)),
        addresses=tuple(sorted(addresses)),
        uses=tuple(sorted(use for told, use in _TOLD.items() if told in shown)),
        public=block.group(0),
    )


def comes_from(leaf: str, issuing: str, root: str) -> bool:
    """Return whether a certificate was signed by the issuing one, and that by the root; its time is not asked."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("leaf", leaf), ("issuing", issuing), ("root", root)):
            Path(folder, name).write_text(text, encoding="ascii")
        place = {name: f"{folder}/{name}" for name in ("leaf", "issuing", "root")}
        try:
            openssl(
                "verify", "-no_check_time", *("-CAfile", place["root"], "-untrusted", place["issuing"], place["leaf"])
            )
        except X509Error:
            return False
    return True


def sign(folder: str, order: Mapping[str, Any], now: datetime) -> str:
    """Sign one leaf and write it down first; return its certificate followed by the issuing one.

    ``order``: host, name, csr, names, addresses, use, days; whatever else is in it is written down too. Of the request
    only the public key counts.
    Raises ``X509Error`` where openssl refuses, ``OSError`` where there is no authority.
    """
    # At most 20 octets (RFC 5280, 4.1.2.2); by chance, so that nobody can prepare for the next one.
    serial = secrets.token_hex(16)
    record = {
        "at": now.isoformat(timespec="seconds"),
        "serial": serial,
        **{k: v for k, v in order.items() if k != "csr"},
    }
    append(Path(folder) / REGISTER, json.dumps(record, sort_keys=True))
    issuing, key = str(Path(folder) / CHAIN), str(Path(folder) / KEY)
    leaf = certify(order["csr"], order["names"][0], _extensions(order), (serial, int(order["days"])), (issuing, key))
    return leaf + Path(issuing).read_text(encoding="ascii")


def certify(csr: str, name: str, extensions: str, term: tuple[str, int], by: tuple[str, str]) -> str:
    """Return a certificate of a request's public key. ``term``: its serial number in hexadecimal and its days.

    ``by`` are the files of the signing certificate and its key. Raises ``X509Error`` where that certificate expired,
    where openssl would sign all the same, and where it refuses.
    """
    ends = read(Path(by[0]).read_text(encoding="ascii")).ends
    if ends <= datetime.now(timezone.utc):  # noqa: UP017 - Python 3.11 on hosts
        raise X509Error(f"{by[0]} expired {ends:%Y-%m-%d}, so nothing was signed: `haechi validate` says how to go on")
    with tempfile.TemporaryDirectory() as place:
        request_file, told = Path(place, "csr"), Path(place, "ext")
        request_file.write_text(csr, encoding="ascii")
        told.write_text(extensions, encoding="ascii")
        life = ("-days", str(term[1]), "-set_serial", f"0x{term[0]}")
        signing = ("-CA", by[0], "-CAkey", by[1], "-sha256", "-extfile", str(told))
        return openssl("x509", "-req", "-in", str(request_file), "-subj", f"/CN={name}", *life, *signing)


def _extensions(order: Mapping[str, Any]) -> str:
    # Addresses first: sudo_logsrvd looks each name up that stands before the one that fits, and waits for the answer.
    names = [*(f"IP:{address}" for address in order["addresses"]), *(f"DNS:{name}" for name in order["names"])]
    # RFC 5280, 4.2.1.9, .3, .12, .6, .2 and .1, in this order.
    rows = {
        "basicConstraints": "critical,CA:FALSE",
        "keyUsage": "critical,digitalSignature",
        "extendedKeyUsage": USES[str(order["use"])],
        "subjectAltName": ",".join(names),
        "subjectKeyIdentifier": "hash",
        "authorityKeyIdentifier": "keyid",
    }
    return "".join(f"{name} = {value}\n" for name, value in rows.items())


def _time(text: str) -> datetime:
    return datetime.strptime(text.strip(), _DATE).replace(tzinfo=timezone.utc)  # noqa: UP017 - Python 3.11 on hosts


def append(path: Path, line: str) -> None:
    """Write a line at the end of a register, on the disk when this returns, and readable by its owner alone."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(f"{line}\n")
        file.flush()
        os.fsync(handle)
    # A register that is new has its name in its folder alone (fsync(2)).
    above = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(above)
    finally:
        os.close(above)


def answer(line: str) -> str:
    """Carry out a signing errand, ``{folder, orders}`` as JSON; return ``{signed: {name: PEM}}`` or ``{failed}``."""
    asked = json.loads(line)
    orders: Sequence[Mapping[str, Any]] = asked["orders"]
    now = datetime.now(timezone.utc)  # noqa: UP017
    try:
        return json.dumps({"signed": {row["name"]: sign(asked["folder"], row, now) for row in orders}})
    except (X509Error, OSError) as error:
        return json.dumps({"failed": str(error)})
