"""The gateway's half of the revocation list: fetched, checked, and told OpenVPN as one file a certificate.

OpenVPN refuses everybody when a list that it reads itself is overdue, and what it takes for a folder of numbers counts
for ever (openvpn(8), --crl-verify dir). So an overdue list is an alarm: whoever is on it stays out, and nobody else is
cut off, since who left is asked of the signed list at each handshake (``hook``).
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.pki import crl
from ansible_collections.haechi.guard.plugins.module_utils.pki.crl import Crl
from ansible_collections.haechi.guard.plugins.module_utils.pki.x509 import X509Error
from ansible_collections.haechi.guard.plugins.module_utils.pull import fetch
from ansible_collections.haechi.guard.plugins.module_utils.pull.document import ListError

CONFIG, PEOPLE = "/etc/haechi/vpn/crl.json", "/etc/haechi/vpn/people.pem"
HELD, NUMBERS = "/etc/haechi/vpn/crl.pem", "/etc/haechi/vpn/revoked"
ALARM = "vpn-crl"
SECONDS = 20.0
# Signed anew at a third of its life; at two thirds it should long be another.
MOST = 2 / 3
_FAILED = (ListError, X509Error, OSError, ValueError)


def main(_: list[str]) -> int:
    """Fetch the newest list and put it in force; 0 if it is. What is held stays where that fails."""
    now, why = datetime.now(timezone.utc), ""  # noqa: UP017 - Python 3.11 on hosts
    try:
        take(_fetched(json.loads(Path(CONFIG).read_text(encoding="ascii"))))
    except _FAILED as error:
        why = f"; the last one was not taken: {error}"
    try:
        old = overdue(held(), now)
    except _FAILED as error:
        old = f"there is none that counts: {error}"
    if old:
        alarm.raise_alarm(ALARM, f"the revocation list of the VPN: {old}. Whoever is on it stays out{why}")
    else:
        alarm.clear(ALARM)
    sys.stderr.write(f"{why.removeprefix('; ')}\n" if why else "")
    return 1 if why else 0


def _fetched(config: dict[str, object]) -> str:
    return fetch.fetch(str(config["address"]), int(str(config["port"])), SECONDS, patient=False).decode("ascii")


def held() -> Crl:
    """Return the list that is in force. Raises ``OSError`` or ``X509Error``."""
    return crl.read(Path(HELD).read_text(encoding="ascii"))


def take(text: str) -> None:
    """Put a list in force that is well signed and not older than the one that is.

    Raises ``X509Error`` or ``OSError``.
    """
    crl.verify(text, PEOPLE)
    new = crl.read(text)
    if Path(HELD).is_file() and new.number < held().number:
        raise X509Error(f"it is number {new.number}, and {held().number} is in force: it is old, or played again")
    # The numbers first: a crash between the two refuses more and not less.
    files.make_folder(Path(NUMBERS))
    for serial in new.serials:
        place = Path(NUMBERS, str(int(serial, 16)))
        if not place.is_file():
            files.write(str(place), b"", mode=0o644, uid=0, gid=0)
    if not Path(HELD).is_file() or Path(HELD).read_text(encoding="ascii") != text:
        files.write(HELD, text.encode("ascii"), mode=0o644, uid=0, gid=0)


def overdue(seen: Crl, now: datetime) -> str:
    """Return what to say of a list's age; empty while it is fresh. Pure."""
    if seen.over(now) < MOST:
        return ""
    if now < seen.ends:
        return f"signed {seen.issued:%Y-%m-%d %H:%M} UTC, two thirds of its life are over and no new one came"
    return f"it ended {seen.ends:%Y-%m-%d %H:%M} UTC and no new one came"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
