"""The authority of the VPN's people: its own root, whose certificates open the VPN and nothing else.

Hosts have client certificates of the site's authority, and what trusts those must not take a person's for a host's;
nor may a host's open the VPN. Its list of what is revoked is signed by a timer and by each new profile.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.pki import crl, held, x509
from ansible_collections.haechi.guard.plugins.module_utils.pki.crl import Revoked
from ansible_collections.haechi.guard.plugins.module_utils.pki.x509 import X509Error
from ansible_collections.haechi.guard.plugins.module_utils.pull import document
from ansible_collections.haechi.guard.plugins.module_utils.pull.document import ListError

FOLDER = Path("/etc/haechi/pki")
KEY, CERT, LIST = "vpn_people.key", "vpn_people.pem", "vpn_people.crl"
ISSUED, REVOKED, SETTINGS = "issued-vpn.jsonl", "revoked-vpn.jsonl", "vpn_people.json"
ALARM = "vpn-crl-signing"
ROOT_DAYS = 3650
_ROOT = ("-addext", "basicConstraints=critical,CA:TRUE,pathlen:0", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
# RFC 5280, 4.2.1.9, .3, .12, .2 and .1. No name of a host: nobody shall take it for one's.
_PERSON = """\
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class PeopleError(ValueError):
    """No certificate is issued, or no list signed; the text says why and what to do."""


def ensure(folder: Path, desired: Mapping[str, Any] | None, *, check: bool) -> tuple[list[str], dict[str, str]]:
    """Make the authority and its first list; return the changes and what is public. ``desired``: site and crl_days.

    Raises ``X509Error`` or ``OSError``.
    """
    if desired is None:
        return [], {}
    changes = [] if (folder / KEY).is_file() else [f"{KEY}: absent -> made"]
    text = json.dumps({"schema": 1, "site": desired["site"], "crl_days": desired["crl_days"]}, sort_keys=True) + "\n"
    place = folder / SETTINGS
    changes += [] if place.is_file() and place.read_text() == text else [f"{SETTINGS}: -> as policy says"]
    if check:
        return changes, {}
    if not (folder / KEY).is_file():
        _make(folder, str(desired["site"]))
    if changes:
        files.write(str(place), text.encode(), mode=0o600, uid=0, gid=0)
    files.set_mode(str(folder / KEY), 0o600, "root", "root")
    if not (folder / LIST).is_file():
        # Later ones are the timer's: a host whose list of who left is damaged must not keep the run from mending it.
        renew(folder, datetime.now(timezone.utc))  # noqa: UP017 - Python 3.11 on hosts
    return changes, {"vpn_people": (folder / CERT).read_text(encoding="ascii")}


def _make(folder: Path, site: str) -> None:
    key = x509.new_key("P-384")
    subject = ("-subj", f"/CN={site} people of the VPN", "-days", str(ROOT_DAYS), "-sha384")
    cert = x509.openssl("req", "-new", "-x509", "-key", "/dev/stdin", *subject, *_ROOT, text=key)
    # The certificate first: without its key it is made anew.
    for name, text, mode in ((CERT, cert, 0o644), (KEY, key, 0o600)):
        files.write(str(folder / name), text.encode(), mode=mode, uid=0, gid=0)


def issue(folder: Path, order: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """Sign a person's certificate, written down first; ``order`` is person, csr, days, again.

    ``again`` revokes those from before. Returns certificate, authority and serial. Raises ``PeopleError``,
    ``X509Error`` or ``OSError``.
    """
    person, days = str(order["person"]), int(order["days"])
    if person in left(folder):
        raise PeopleError(f"{person} left, says the list of this host: nothing was issued")
    with _register(folder) as rows:
        old = [row for row in _counting(folder, rows, now) if row["person"] == person]
        if old and not order["again"]:
            raise PeopleError(f"{person} has a profile of {old[-1]['at'][:10]}: another person approves a new one")
        serial = secrets.token_hex(16)
        ends = now + timedelta(days=days)
        row = {"at": _text(now), "ends": _text(ends), "person": person, "serial": crl.plain(serial)}
        x509.append(folder / ISSUED, json.dumps(row, sort_keys=True))
        for one in old:
            _revoke(folder, one, now, "replaced")
        by = (str(folder / CERT), str(folder / KEY))
        certificate = x509.certify(str(order["csr"]), person, _PERSON, (serial, days), by)
    renew(folder, now)
    return {"certificate": certificate, "serial": crl.plain(serial)}


def renew(folder: Path, now: datetime) -> bool:
    """Revoke what leavers hold, and sign a new list where it says something else or a third of its life is over.

    Tells whether it did. Raises ``PeopleError`` where nobody knows who left, ``X509Error`` or ``OSError``.
    """
    gone = left(folder)
    days = int(json.loads((folder / SETTINGS).read_text(encoding="ascii"))["crl_days"])
    with _register(folder) as rows:
        for row in _counting(folder, rows, now):
            if row["person"] in gone:
                _revoke(folder, row, now, "left")
        wanted = _revoked(folder, now)
        old = _held(folder)
        if old and old.serials == {*wanted} and old.over(now) < 1 / 3 and old.ends - old.issued == timedelta(days=days):
            return False
        # Seconds of the clock, so that an authority from a backup does not begin again below what was fetched.
        number = max(int(now.timestamp()), old.number + 1 if old else 0)
        by = (str(folder / CERT), str(folder / KEY))
        text = crl.sign(wanted.values(), number, (now.replace(microsecond=0), timedelta(days=days)), by)
        files.write(str(folder / LIST), text.encode(), mode=0o644, uid=0, gid=0)
    return True


def left(folder: Path) -> frozenset[str]:
    """Return who left, by the signed list that this host holds; nobody where none was ever signed.

    Raises ``PeopleError`` where it cannot be believed.
    """
    place = Path(held.HELD)
    if not place.is_file() and not held.seen()[0]:
        return frozenset()
    site = str(json.loads((folder / SETTINGS).read_text(encoding="ascii"))["site"])
    try:
        return frozenset(document.read(place.read_bytes(), site).people)
    except (ListError, OSError) as error:
        raise PeopleError(f"the list of who left cannot be read, so nobody knows whom to revoke: {error}") from error


def _held(folder: Path) -> crl.Crl | None:
    place = folder / LIST
    try:
        return crl.read(place.read_text(encoding="ascii")) if place.is_file() else None
    except X509Error:
        return None


def _counting(folder: Path, rows: list[dict[str, str]], now: datetime) -> list[dict[str, str]]:
    """Return what was issued, has not ended, and is not revoked."""
    known = _revoked(folder, now)
    return [row for row in rows if row["serial"] not in known and _time(row["ends"]) > now]


def _revoked(folder: Path, now: datetime) -> dict[str, Revoked]:
    """Return what is revoked and has not ended, by serial."""
    rows = (json.loads(line) for line in _lines(folder / REVOKED))
    found = [
        Revoked(serial=row["serial"], name=row["person"], at=_time(row["at"]), ends=_time(row["ends"])) for row in rows
    ]
    return {row.serial: row for row in found if row.ends > now}


def _revoke(folder: Path, row: Mapping[str, str], now: datetime, why: str) -> None:
    told = {"at": _text(now), "ends": row["ends"], "person": row["person"], "serial": row["serial"], "why": why}
    x509.append(folder / REVOKED, json.dumps(told, sort_keys=True))


@contextmanager
def _register(folder: Path) -> Iterator[list[dict[str, str]]]:
    """Yield what was issued, while nobody else issues or revokes."""
    with (folder / ISSUED).open("a+", encoding="ascii") as file:
        (folder / ISSUED).chmod(0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        yield [json.loads(line) for line in file]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="ascii").splitlines() if path.is_file() else []


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def main(_: list[str]) -> int:
    """Have the list signed where it is due; what fails is an alarm."""
    try:
        renew(FOLDER, datetime.now(timezone.utc))  # noqa: UP017
    except (PeopleError, X509Error, OSError, ValueError, LookupError) as error:
        alarm.raise_alarm(ALARM, f"the revocation list of the VPN is not signed: {error}")
        return 1
    alarm.clear(ALARM)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
