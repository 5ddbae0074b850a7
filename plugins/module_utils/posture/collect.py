"""The whole look: every section seen or unknown, none of them able to spoil another."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.posture import (
    accounts,
    certificates,
    edge,
    factors,
    files,
    firewall,
    firmware,
    flows,
    grants,
    ids,
    kernel,
    pam,
    recorder,
    revocations,
    services,
    settings,
    sshd,
    sudo,
    system,
    units,
    vpn,
)
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import Collector, NotSeenError, Question, Reader

COLLECTORS: dict[str, Collector] = {
    "edge": edge.edge,
    "units": units.units,
    "firmware": firmware.firmware,
    "sshd": sshd.sshd,
    "firewall": firewall.firewall,
    "services": services.services,
    "sudo": sudo.sudo,
    "login": system.login,
    "timers": units.timers,
    "sockets": firewall.sockets,
    "flows": flows.flows,
    "sysctl": kernel.sysctl,
    "clock": system.clock,
    "journal": system.journal,
    "guard": system.guard,
    "host": kernel.host,
    "accounts": accounts.accounts,
    "homes": accounts.homes,
    "keys": accounts.keys,
    "certificates": certificates.certificates,
    "recorder": recorder.recorder,
    "x509": recorder.certificates,
    "revocations": revocations.revocations,
    "vpn": vpn.vpn,
    "ids": ids.ids,
    "logins": accounts.logins,
    "sessions": accounts.sessions,
    "jobs": accounts.jobs,
    "pam": pam.pam,
    "factors": factors.factors,
    "settings": settings.settings,
    "modes": files.modes,
    "packages": system.packages,
    "mounts": files.mounts,
    "walk": files.walk,
    "grants": grants.grants,
    "alarms": grants.alarms,
}
_TROUBLE = (NotSeenError, OSError, subprocess.SubprocessError, ValueError, LookupError)


def look(question: Question) -> dict[str, dict[str, Any]]:
    """Return every section as ``{"seen": ...}`` or ``{"unknown": reason}``.

    All commands are started before any answer is read; what needs none is read while they run.
    """
    begun: dict[str, Reader | Exception] = {}
    for name, collector in COLLECTORS.items():
        try:
            begun[name] = collector(question)
        except _TROUBLE as error:
            begun[name] = error
    order = sorted(begun, key=[*COLLECTORS].index, reverse=True)
    return {name: _finished(begun[name]) for name in order}


def _finished(reader: Reader | Exception) -> dict[str, Any]:
    if isinstance(reader, Exception):
        return {"unknown": reason(reader)}
    try:
        return {"seen": plain(reader())}
    except _TROUBLE as error:
        return {"unknown": reason(error)}


def reason(error: Exception) -> str:
    """Return in one line why something was not seen."""
    words = str(error) if isinstance(error, NotSeenError) else f"{type(error).__name__}: {error}"
    return " ".join(plain(words).split())[:500]


def plain(value: Any) -> Any:
    """Return a value whose texts can be written as UTF-8; a name in other bytes shows their numbers."""
    # A file's name that is no UTF-8 holds lone surrogates (PEP 383), and JSON travels as UTF-8 (RFC 8259, 8.1).
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return _plain(value)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def observation(question: Question, subject: str, nonce: str) -> dict[str, Any]:
    """Return the posture document of this host."""
    return {
        "schema": 1,
        "kind": "posture",
        "subject": subject,
        "nonce": nonce,
        "at": datetime.now(UTC).isoformat(),
        "data": {"sections": look(question)},
    }
