"""A certificate revocation list of X.509 (RFC 5280, 5) as openssl(1) tells it, and how a new one is signed."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils.pki import x509
from ansible_collections.haechi.guard.plugins.module_utils.pki.x509 import X509Error

_DATE, _INDEX = "%b %d %H:%M:%S %Y GMT", "%y%m%d%H%M%SZ"
_CONFIG = """\
[ca]
default_ca = here
[here]
database = {folder}/index
crlnumber = {folder}/number
default_md = sha384
crl_extensions = extensions
[extensions]
authorityKeyIdentifier = keyid
"""


@dataclass(frozen=True, kw_only=True)
class Crl:
    """One list. Times are UTC; ``serials`` are hexadecimal in capitals, of what is revoked."""

    number: int
    issued: datetime
    ends: datetime
    serials: frozenset[str]

    def over(self, now: datetime) -> float:
        """Return how much of its life is over: 0.0 when it was signed, 1.0 at its end."""
        return (now - self.issued) / (self.ends - self.issued)


@dataclass(frozen=True, kw_only=True)
class Revoked:
    """One certificate that counts no more; ``serial`` in hexadecimal."""

    serial: str
    name: str
    at: datetime
    ends: datetime


def read(text: str) -> Crl:
    """Return what a list says. Raises ``X509Error`` where there is none; its signature is not asked (``verify``)."""
    shown = x509.openssl("crl", "-noout", "-text", "-crlnumber", "-lastupdate", "-nextupdate", text=text)
    words = re.search(r"(?m)^crlNumber=0x([0-9A-F]+)$\s^lastUpdate=(.+)$\s^nextUpdate=(.+)$", shown)
    if words is None:
        raise X509Error(f"no revocation list with a number and an end: {shown[:120]!r}")
    serials = re.findall(r"(?m)^ +Serial Number: ([0-9A-F]+)$", shown)
    return Crl(
        number=int(words[1], 16), issued=_time(words[2]), ends=_time(words[3]), serials=frozenset(map(plain, serials))
    )


def verify(text: str, authority: str) -> None:
    """Raise ``X509Error`` where a list is not signed by the certificate in a file."""
    command = ["openssl", "crl", "-noout", "-CAfile", authority]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    # Its exit code tells whether it could be read, its words whether the signature is good (openssl-crl(1)).
    if done.returncode or "verify OK" not in done.stdout + done.stderr:
        raise X509Error("the revocation list is not signed by the authority of the VPN's people")


def sign(rows: Iterable[Revoked], number: int, span: tuple[datetime, timedelta], by: tuple[str, str]) -> str:
    """Return a new list as PEM. ``span``: from when and for how long; ``by``: certificate and key, files.

    Raises ``X509Error`` where openssl refuses.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "config").write_text(_CONFIG.format(folder=folder), encoding="ascii")
        digits = f"{number:X}"
        # An even number of digits, and an end of the line (openssl-ca(1), crlnumber).
        (place / "number").write_text(f"{digits.zfill(len(digits) + len(digits) % 2)}\n", encoding="ascii")
        (place / "index").write_text("".join(map(_line, rows)), encoding="ascii")
        times = (f"{moment:%Y%m%d%H%M%SZ}" for moment in (span[0], span[0] + span[1]))
        life = ("-crl_lastupdate", next(times), "-crl_nextupdate", next(times))
        config = ("-config", str(place / "config"), "-cert", by[0], "-keyfile", by[1])
        return x509.openssl("ca", "-gencrl", *config, *life)


def plain(serial: str) -> str:
    """Return a serial number as it is compared: hexadecimal in capitals, without leading zeros."""
    return f"{int(serial, 16):X}"


def _line(row: Revoked) -> str:
    serial = plain(row.serial)
    serial = serial.zfill(len(serial) + len(serial) % 2)
    return f"R\t{row.ends:{_INDEX}}\t{row.at:{_INDEX}}\t{serial}\tunknown\t/CN={row.name}\n"


def _time(text: str) -> datetime:
    return datetime.strptime(text.strip(), _DATE).replace(tzinfo=timezone.utc)  # noqa: UP017 - Python 3.11 on hosts
