"""The VPN as it runs: its configurations, who has a tunnel, who could have one, and what is revoked."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.pki import crl, people
from ansible_collections.haechi.guard.plugins.module_utils.pki.x509 import X509Error
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import (
    NotSeenError,
    Question,
    Reader,
    ask,
    names,
    read_if,
)
from ansible_collections.haechi.guard.plugins.module_utils.vpn import hook, management, revoked, units

FOLDER = "/etc/haechi/vpn"
_SHOWN = "Id,ActiveState,UnitFileState,MainPID,ExecMainStartTimestamp"


def vpn(_: Question) -> Reader:
    """Return what runs and what it goes by; nothing is asked on a host without any of it."""
    if not Path(FOLDER).is_dir():
        return lambda: {**_NOTHING, **_authority()}
    wanted = (*units.SERVICES, f"{units.CRL}.timer")
    states = ask("systemctl", "show", "--timestamp=unix", f"--property={_SHOWN}", *wanted)
    return lambda: _seen(states.text())


_NOTHING: dict[str, Any] = {
    **{name: [] for name in ("instances", "tunnels", "silent", "pam", "people", "seeds", "issued")},
    **dict.fromkeys(("session_s", "idle_s", "crl")),
    "fetches": False,
}


def _seen(states: str) -> dict[str, Any]:
    blocks = states.strip().split("\n\n")
    rows = {row["Id"]: row for row in (dict(line.split("=", 1) for line in block.splitlines()) for block in blocks)}
    tunnels, silent = management.everywhere()
    told = json.loads(read_if(hook.SETTINGS) or "{}")
    timer = rows[f"{units.CRL}.timer"]
    return {
        **_NOTHING,
        "instances": [_instance(by, rows[f"{units.SERVICE}{by}.service"]) for by in units.TRANSPORTS],
        "tunnels": [{word: asdict(one)[word] for word in ("person", "address", "by")} for one in tunnels],
        "silent": silent,
        "pam": _lines(f"/etc/pam.d/{units.SERVICE_PAM}"),
        "people": sorted(told.get("people", {})),
        "seeds": [name for name in names(units.SEEDS) if "." not in name],
        **{word: told.get(word) for word in ("session_s", "idle_s")},
        "fetches": (timer["ActiveState"], timer["UnitFileState"]) == ("active", "enabled"),
        **_authority(),
        "crl": _crl(revoked.HELD),
    }


def _instance(by: str, row: dict[str, str]) -> dict[str, Any]:
    path, directives = f"{FOLDER}/{by}.conf", dict[str, list[str]]()
    for line in _lines(path):
        word, _, rest = line.partition(" ")
        directives.setdefault(word, []).append(rest.strip())
    begun = row["ExecMainStartTimestamp"].removeprefix("@")
    running = row["MainPID"] not in {"", "0"}
    # Written in the same second as it started is before: the role swaps the file and starts it anew.
    stale = running and begun.isdigit() and Path(path).is_file() and Path(path).stat().st_mtime > int(begun) + 1
    return {
        "by": by,
        "active": row["ActiveState"] == "active",
        "enabled": row["UnitFileState"] == "enabled",
        "command": read_if(f"/proc/{row['MainPID']}/cmdline").split("\0")[:-1] if running else [],
        "stale": stale,
        "directives": directives,
    }


def _authority() -> dict[str, Any]:
    """Return the authority's register and list, where this is its host."""
    lines = _lines(str(people.FOLDER / people.ISSUED))
    if not lines:
        return {}
    rows = [json.loads(line) for line in lines]
    issued = [{word: row[word] for word in ("person", "serial", "ends")} for row in rows]
    return {"issued": issued, "crl": _crl(str(people.FOLDER / people.LIST))}


def _crl(path: str) -> dict[str, Any] | None:
    text = read_if(path)
    if not text:
        return None
    try:
        seen = crl.read(text)
    except X509Error as error:
        raise NotSeenError(f"{path}: {error}") from error
    times = {"issued": seen.issued.isoformat(), "ends": seen.ends.isoformat()}
    return {"number": seen.number, **times, "serials": sorted(seen.serials)}


def _lines(path: str) -> list[str]:
    """Return the lines of a file that say something, blanks as one."""
    lines = (" ".join(line.split()) for line in read_if(path).splitlines())
    return [line for line in lines if line and not line.startswith("#")]
