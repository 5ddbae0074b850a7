"""Packages, the login shell, the clock, the journal, and the guard's own state."""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.guard import rollback, store
from ansible_collections.haechi.guard.plugins.module_utils.posture import kernel, units
from ansible_collections.haechi.guard.plugins.module_utils.posture import settings as key_values
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import (
    MOST_TEXT,
    Answer,
    NotSeenError,
    Question,
    Reader,
    ask,
    names,
    read,
    read_if,
)

TEXTS = ("/etc/issue", "/etc/issue.net", "/etc/motd", "/etc/cron.allow", "/etc/at.allow")
# Beside all else that is looked at; a start-up file that hangs may keep a look for no longer.
LOGIN_SECONDS = 20.0
_MARK = "haechi-posture:"
_SHELL = f'printf "\\n%s%s\\n" {_MARK} "$(umask)" {_MARK} "${{TMOUT-}}" {_MARK} "$PATH"'
JOURNAL = "/var/log/journal"


def packages(_: Question) -> Reader:
    """Installed packages."""
    return lambda: {"installed": installed(read("/var/lib/dpkg/status"))}


def installed(status: str) -> dict[str, str]:
    """Return name to version of what dpkg calls installed."""
    found = {}
    for block in status.split("\n\n"):
        if "\nStatus: install ok installed" in block or "\nStatus: hold ok installed" in block:
            name, version = re.search(r"(?m)^Package: (.*)", block), re.search(r"(?m)^Version: (.*)", block)
            if name and version:
                found[name[1]] = version[1]
    return found


def login(_: Question) -> Reader:
    """Run a login shell of root and say what it ended up with."""
    argv = ("/bin/bash", "--login", "-c", _SHELL)
    answer = Answer(argv, LOGIN_SECONDS, {"HOME": "/root", "USER": "root"})

    def seen() -> dict[str, Any]:
        return shell(answer.texts()[1]) | {"texts": {path: read(path, MOST_TEXT) for path in TEXTS if _is_file(path)}}

    return seen


def shell(text: str) -> dict[str, str]:
    """Return what the shell said on its last three lines; start-up files may have said more before.

    Raises ``NotSeenError`` where it ended before them.
    """
    said = [line.removeprefix(_MARK) for line in text.splitlines() if line.startswith(_MARK)][-3:]
    if len(said) != len(("umask", "idle", "path")):
        raise NotSeenError("a login shell of root ends before it runs a command")
    return {"umask": said[0], "idle_s": said[1], "path": said[2]}


def _is_file(path: str) -> bool:
    return os.path.isfile(path)  # noqa: PTH113


def clock(_: Question) -> Reader:
    """Which time client runs or will at the next boot, whom it follows, and whether the kernel's clock does."""
    state = units.states()
    followed = _is_file("/run/systemd/timesync/synchronized")
    asked = None
    if not kernel.container() and not followed:
        asked = ask("timedatectl", "show", "--property", "NTPSynchronized", "--value")

    def seen() -> dict[str, Any]:
        rows = {
            name: state()[name]
            for name in units.ASKED
            if name.startswith(("systemd-timesyncd", "chrony", "ntp", "openntpd"))
        }
        running = [name for name, row in rows.items() if row["ActiveState"] == "active"]
        waiting = [name for name, row in rows.items() if units.enabled(row) == "enabled"]
        service = next(iter(running + waiting), "")
        return {
            "service": service,
            "server": _server(service),
            "synchronised": asked.text().strip() == "yes" if asked else followed or None,
        }

    return seen


def _server(service: str) -> str:
    if service == "systemd-timesyncd.service":
        return key_values.assigned(key_values.systemd_texts("timesyncd.conf")).get("NTP", "")
    texts = [read_if("/etc/chrony/chrony.conf")] if service == "chrony.service" else []
    for folder, end in (("/etc/chrony/conf.d", ".conf"), ("/etc/chrony/sources.d", ".sources")):
        texts += [read(f"{folder}/{name}") for name in names(folder) if texts and name.endswith(end)]
    texts += [read_if("/etc/ntpsec/ntp.conf")] if service == "ntpsec.service" else []
    texts += [read_if("/etc/openntpd/ntpd.conf")] if service == "openntpd.service" else []
    return " ".join(re.findall(r"(?m)^\s*(?:server|servers|pool|peer)\s+(\S+)", "\n".join(texts)))


def journal(_: Question) -> Reader:
    """Return whether the running journald writes to the disk, seen by the files that it holds open."""
    state = units.states()
    return lambda: _journal(state()["systemd-journald.service"]["MainPID"])


def _journal(pid: str) -> dict[str, Any]:
    if pid == "0":
        raise NotSeenError("no journald runs")
    folder = f"/proc/{pid}/fd"
    held = []
    for name in names(folder):
        try:
            held.append(os.readlink(f"{folder}/{name}"))  # noqa: PTH115
        except FileNotFoundError:
            continue
    sizes = [os.lstat(f"{top}/{name}").st_size for top, _, found in os.walk(JOURNAL) for name in found]
    return {"persistent": any(path.startswith(f"{JOURNAL}/") for path in held), "disk_bytes": sum(sizes)}


def guard(_: Question) -> Reader:
    """Return the guarded change's marks and its way back."""
    state = units.states()

    def seen() -> dict[str, Any]:
        marks = names(str(store.STATE))
        script = str(store.SCRIPT)
        return {
            "pending": rollback.PENDING in marks,
            "locked": rollback.LOCK in marks,
            "rollback_unit": units.enabled(state()["haechi-guard-rollback.service"]),
            "rollback_script_sha256": hashlib.sha256(read(script).encode("utf-8", "surrogateescape")).hexdigest()
            if _is_file(script)
            else "",
        }

    return seen
