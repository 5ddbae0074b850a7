"""An OpenSSH certificate as ``ssh-keygen -L`` tells it (ssh-keygen(1), CERTIFICATES). The parser is pure."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

# Fields stand eight blanks in, what a field lists sixteen. `forever`, `after` and `before` lack an end or a begin, and
# are no certificate of ours (sshkey_format_cert_validity of OpenSSH).
_FIELD = re.compile(r"^ {8}(\S[^:]*): ?(.*)$")
_VALID = re.compile(r"from (\S+) to (\S+)")
_PRINT = re.compile(r"SHA256:[A-Za-z0-9+/]+")


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """One certificate. Times are UTC; ``kind`` is user or host; fingerprints are SHA256."""

    kind: str
    key: str
    ca: str
    id: str
    serial: int
    begins: datetime
    ends: datetime
    principals: tuple[str, ...]


class CertificateError(Exception):
    """There is no certificate, or ssh-keygen cannot make it; the text says why."""


def parse(text: str) -> Certificate:
    """Return the certificate that ``ssh-keygen -L`` printed, run with TZ=UTC.

    Raises ``CertificateError`` for anything else, and for one without an end.
    """
    rows: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if found := _FIELD.match(line):
            name = found.group(1)
            rows[name] = found.group(2).strip()
        elif line.startswith(" " * 16):
            lists.setdefault(name, []).append(line.strip())
    valid = _VALID.fullmatch(rows.get("Valid", ""))
    key, ca = (_PRINT.search(rows.get(field, "")) for field in ("Public key", "Signing CA"))
    kind = rows.get("Type", "").split(" ")
    if valid is None or key is None or ca is None or kind[1:2] not in (["user"], ["host"]):
        raise CertificateError(f"no certificate with an end: {text.strip()[:120]!r}")
    return Certificate(
        kind=kind[1],
        key=key.group(),
        ca=ca.group(),
        id=rows["Key ID"].strip('"'),
        serial=int(rows["Serial"]),
        begins=_time(valid.group(1)),
        ends=_time(valid.group(2)),
        principals=tuple(lists.get("Principals", ())),
    )


def read(path: str) -> Certificate:
    """Return the certificate in a file.

    Raises ``CertificateError`` where there is none.
    """
    return parse(keygen("-L", "-f", path))


def sign(ca: str, line: str, options: tuple[str, ...]) -> tuple[str, Certificate]:
    """Return a new certificate of a public key, its line and what it says. ``ca`` is the private key's path.

    Raises ``CertificateError`` where ssh-keygen refuses.
    """
    import tempfile  # noqa: PLC0415 -- slow to begin, and seldom asked

    with tempfile.TemporaryDirectory() as folder:
        public = Path(folder) / "key.pub"
        public.write_text(f"{line}\n", encoding="ascii")
        keygen("-q", "-s", ca, *options, str(public))
        made = Path(folder) / "key-cert.pub"
        return made.read_text(encoding="ascii").strip(), read(str(made))


def keygen(*arguments: str) -> str:
    """Run ssh-keygen and return what it printed.

    Raises ``CertificateError`` with its own words where it fails.
    """
    done = subprocess.run(
        ["ssh-keygen", *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
    )
    if done.returncode:
        raise CertificateError((done.stderr or done.stdout).strip() or f"ssh-keygen ended with {done.returncode}")
    return done.stdout


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)  # noqa: UP017 - Python 3.11 on hosts
