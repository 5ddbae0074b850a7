"""Accounts of the host as a login sees them."""

from __future__ import annotations

import grp
import os
import pwd
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEYS = Path("/etc/ssh/authorized_keys.d")
COMMON_AUTH = Path("/etc/pam.d/common-auth")
SEEDS, WINDOW = Path("/var/lib/haechi/mfa"), Path("/etc/haechi/mfa-window")


def named(prove: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return everybody whose way in must stay open, with the keys that open it on this host."""
    found = {operator["id"]: list(operator["keys"]) for operator in prove.get("operators", [])}
    for role in ("automation", "sentinel"):
        who = prove.get(role)
        if who:
            found[who] = [_bare(line) for line in _lines(KEYS / who)]
    return {who: [key for key in keys if _installed(who, key)] for who, keys in found.items()}


def _bare(line: str) -> str:
    """Return a key without the options before it: what a client offers has none (sshd(8), AUTHORIZED_KEYS)."""
    found = re.search(r"(?:^|\s)((?:ssh|sk|ecdsa)-[a-z0-9@.-]+\s+AAAA.*)$", line)
    return found[1] if found else line


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.strip()] if path.is_file() else []


def _installed(who: str, key: str) -> bool:
    body = key.split()[1:2]
    return any(body and body[0] in line.split() for line in _lines(KEYS / who))


def account(who: str, keys: list[str], *, ahead: bool = False) -> dict[str, Any] | None:
    """Return an account for the judgement of sshd, or None where there is none.

    ``ahead``: in check mode nothing of PAM's change is there yet, which comes first and judges who can answer.
    """
    try:
        entry = pwd.getpwnam(who)
    except KeyError:
        return None
    groups = [grp.getgrgid(number).gr_name for number in os.getgrouplist(who, entry.pw_gid)]
    shadow = _shadow(who)
    expiry = shadow[7] if len(shadow) > 7 else ""  # noqa: PLR2004 - shadow(5), the day of expiry
    return {
        "id": who,
        "groups": groups,
        "keys": keys,
        "shell": entry.pw_shell,
        "expired": bool(expiry) and int(expiry) <= time.time() // 86400,
        "locked": len(shadow) > 1 and shadow[1].startswith("!"),
        "factors": ["keyboard-interactive"] if _can_answer(who, ahead=ahead) else [],
    }


def _can_answer(who: str, *, ahead: bool) -> bool:
    """Return whether PAM asks for a code and the account has codes, or need not answer yet."""
    asks = COMMON_AUTH.is_file() and "pam_google_authenticator.so" in COMMON_AUTH.read_text()
    if not asks:
        return ahead
    return (SEEDS / who).is_file() or window_open(who, time.time())


def window_open(who: str, now: float) -> bool:
    """Return whether an account may still lack a second factor, so that PAM lets it pass without a question."""
    rows = [line.split() for line in WINDOW.read_text().splitlines()] if WINDOW.is_file() else []
    return any(row[0] == who and row[1].isdigit() and now < int(row[1]) for row in rows if len(row) > 1)


# Read by hand: the module spwd left Python with 3.13, which is Debian 13's (PEP 594).
def _shadow(who: str) -> list[str]:
    for line in Path("/etc/shadow").read_text().splitlines():
        fields = line.split(":")
        if fields[0] == who:
            return fields
    return []
