"""Uses of the automation's key and certificate that are not what policy says, out of sshd's own log.

Read on from where the last run ended (journalctl(1), --cursor-file). What somebody tried with them from elsewhere is
one alarm, a bare key in place of a certificate another; each stands for a day after the last time.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.pki import held

ELSEWHERE, BARE = "automation-elsewhere", "automation-bare-key"
CURSOR = f"{held.FOLDER}/cursor"
STANDS = timedelta(days=1)
_ACCEPTED = re.compile(r"Accepted publickey for (\S+) from (\S+) port \d+ ssh2: (\S+) ")
# auth-options.c and auth2-pubkeyfile.c: of a key's from= and of a certificate's source-address.
_REFUSED = re.compile(r"Authentication tried for (\S+) with .*not from a permitted (?:host|source address) \((.*)\)")
_ADDRESS = re.compile(r"(?:ip=)?((?:\d{1,3}\.){3}\d{1,3}|[0-9a-f:]*:[0-9a-f:]+)")
# Anybody may call a line sshd's (logger(1), --tag); whose process wrote it says the kernel (systemd.journal-fields(7),
# _UID). One of the names and root: journalctl(1), alternatives of one field and another field besides. What sshd's
# processes without rights have to say is written by their monitor, which is root's.
_SSHD = ("--identifier=sshd", "--identifier=sshd-session", "--identifier=sshd-auth", "_UID=0")


def look(told: Mapping[str, Any]) -> None:
    """Read what sshd wrote since the last time, and raise or clear the two alarms."""
    found = judge(_lines(), told)
    for name in (ELSEWHERE, BARE):
        if name in found:
            alarm.raise_alarm(name, found[name])
        elif _is_old(alarm.ALARMS / f"{name}.json"):
            alarm.clear(name)


def judge(lines: Iterable[str], told: Mapping[str, Any]) -> dict[str, str]:
    """Return the alarms that lines of sshd's log ask for, by name. Pure."""
    who, sources, found = told["id"], {*told["sources"], "127.0.0.1"}, {}
    for line in lines:
        accepted, refused = _ACCEPTED.search(line), _REFUSED.search(line)
        if refused and refused[1] == who:
            address = _ADDRESS.search(refused[2])
            found[ELSEWHERE] = f"{who}'s key or certificate was tried from {address[1] if address else refused[2]}"
        elif accepted and accepted[1] == who and accepted[2] not in sources:
            found[ELSEWHERE] = f"{who} logged in from {accepted[2]}, where no playbook runs"
        elif accepted and accepted[1] == who and not accepted[3].endswith("-CERT") and not told["bare_key"]:
            found[BARE] = f"{who} logged in from {accepted[2]} with its bare key, not with a certificate"
    return found


def _lines() -> list[str]:
    begin = () if Path(CURSOR).is_file() else ("--lines=0",)
    argv = ["journalctl", "--quiet", "--output=cat", f"--cursor-file={CURSOR}", *begin, *_SSHD]
    done = subprocess.run(argv, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=20)
    return done.stdout.decode(errors="replace").splitlines()


def _is_old(path: Path) -> bool:
    try:
        at = datetime.fromisoformat(json.loads(path.read_text())["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return datetime.now(timezone.utc) - at > STANDS  # noqa: UP017 - Python 3.11 on hosts
