"""sshd as it would answer now, and whether the one that runs has read its files since they changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.posture import units
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import NotSeenError, Question, Reader, ask, read

MAIN, DROP_INS = "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d"
_VERSION = re.compile(r"OpenSSH_(\S+?),?\s")


def sshd(question: Question) -> Reader:
    """``sshd -T`` for nobody in particular and for each asked account."""
    said, common = ask("sshd", "-V"), ask("sshd", "-T")
    # Without a connection to match, no Match block is looked at (sshd(8), -T).
    each = {who: ask("sshd", "-T", "-C", f"user={who},host=localhost,addr=127.0.0.1") for who in question.users}
    state = units.states()

    def seen() -> dict[str, Any]:
        settings = keywords(common.text())
        service = state()["ssh.service"]
        return {
            "version": version("\n".join(said.texts()[1:])),
            "active": "active" in {service["ActiveState"], state()["ssh.socket"]["ActiveState"]},
            "settings": settings,
            "users": {who: differing(settings, keywords(answer.text())) for who, answer in each.items()},
            "stale": stale(loaded(settings, service)),
        }

    return seen


def version(text: str) -> str:
    """Return the release of OpenSSH; before 9.3 ``sshd -V`` is an unknown option whose usage names it as well.

    Raises ``NotSeenError`` where no release is named.
    """
    match = _VERSION.search(text + "\n")
    if match is None:
        raise NotSeenError("sshd does not say which release it is")
    return match.group(1)


def keywords(text: str) -> dict[str, str]:
    """Return ``sshd -T``'s lines as keyword to value, repeated keywords joined by a space."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key:
            found[key.lower()] = f"{found[key.lower()]} {value}" if key.lower() in found else value
    return found


def differing(common: dict[str, str], own: dict[str, str]) -> dict[str, str]:
    """Return what is otherwise for an account; a keyword that it alone lacks is empty."""
    changed = {key: value for key, value in own.items() if common.get(key) != value}
    return changed | {key: "" for key in common if key not in own}


def loaded(settings: dict[str, str], service: dict[str, str]) -> float | None:
    """Return when the running sshd read its files; None where each connection starts one of its own.

    On SIGHUP sshd starts itself anew and writes its PID file again (sshd.c, sighup_restart), so the file's time is that
    of the last start or reload; systemd's own times also move when a reload is refused. Raises ``NotSeenError``.
    """
    if service["ActiveState"] != "active":
        return None
    path = settings.get("pidfile", "none")
    if path == "none" or read(path).strip() != service["MainPID"]:
        raise NotSeenError(f"the PID file {path} is not the running sshd's, so nobody knows when it read its files")
    return Path(path).stat().st_mtime


def stale(since: float | None, main: str = MAIN, drop_ins: str = DROP_INS) -> list[str]:
    """Return what changed later: files of the configuration, and their folder where one came, went or was renamed."""
    places = [Path(main), Path(drop_ins), *sorted(Path(drop_ins).glob("*.conf"))]
    return [str(path) for path in places if since is not None and path.exists() and path.stat().st_mtime > since]
