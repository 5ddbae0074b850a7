"""The units of our own services as systemd holds them, and where the account of HR's receiver gets."""

from __future__ import annotations

import inspect
import json
import pwd
import re
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import Answer, Question, Reader, ask
from ansible_collections.haechi.guard.plugins.module_utils.probe import attempts, protocols

UNITS = ("haechi-receive-wall.service", "haechi-receive.socket", "haechi-receive.service", "haechi-work.service")
ACCOUNT = "haechi-receive"
# What of a unit's own confinement is told (systemd.exec(5)); systemd's word for each counts, drop-ins and all.
SETTINGS = (
    *("User", "NoNewPrivileges", "CapabilityBoundingSet", "AmbientCapabilities", "ProtectSystem", "ProtectHome"),
    *("PrivateTmp", "PrivateDevices", "ProtectKernelTunables", "ProtectKernelModules", "ProtectControlGroups"),
    *("RestrictSUIDSGID", "RestrictNamespaces", "LockPersonality"),
)
_STATE = ("Id", "LoadState", "ActiveState", "UnitFileState", "MainPID", "DropInPaths", "NeedDaemonReload", "ExecStart")
_COMMAND = re.compile(r"argv\[\]=(.*?) ; ")
# The account can read none of our code: it comes along, each part as the module that the next one imports.
_PARTS = (protocols, attempts)
_KNOCK = """
import json, sys, types
for name, source in json.loads(sys.argv[1]):
    sys.modules[name] = types.ModuleType(name)
    exec(source, vars(sys.modules[name]))
print(json.dumps(sys.modules[name].Attempts(json.loads(sys.argv[2])).make()))
"""


def services(question: Question) -> Reader:
    """Return the units that are there, by name, and what came of the account's tries to connect."""
    shown = ask("systemctl", "show", "--property", ",".join((*_STATE, *SETTINGS)), *UNITS)
    tried = _knocking(question.knock) if question.knock and _exists(ACCOUNT) else None

    def seen() -> dict[str, Any]:
        rows = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.text().strip().split("\n\n")]
        return {
            "units": {row["Id"]: _unit(row) for row in rows if row["LoadState"] != "not-found"},
            "reach": [*map(_told, filter(_tried, tried.json() if tried else []))],
        }

    return seen


def _tried(row: dict[str, Any]) -> bool:
    return bool(row["result"] != attempts.UNTRIED)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("address", "port", "result", "why")}


def _unit(row: dict[str, str]) -> dict[str, Any]:
    command = _COMMAND.search(row.get("ExecStart", ""))
    return {
        "active": row["ActiveState"],
        "enabled": row["UnitFileState"],
        "command": command[1] if command else "",
        "runs_as": _owner(int(row.get("MainPID", "0"))),
        "drop_ins": row["DropInPaths"].split(),
        "stale": row["NeedDaemonReload"] == "yes",
        "settings": {name: row.get(name, "") for name in SETTINGS},
    }


def _owner(pid: int) -> str:
    """Return whose process it is; empty where there is none."""
    try:
        uid = Path(f"/proc/{pid}").stat().st_uid if pid else None
        return "" if uid is None else pwd.getpwuid(uid).pw_name
    except FileNotFoundError:
        return ""
    except KeyError:
        return str(uid)


def _exists(account: str) -> bool:
    try:
        pwd.getpwnam(account)
    except KeyError:
        return False
    return True


def _knocking(addresses: tuple[str, ...]) -> Answer:
    """Begin to connect as whoever has taken the receiver over would."""
    rows = [{"address": address, "port": int(port)} for address, _, port in (one.rpartition(":") for one in addresses)]
    step_down = ("setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups", "--no-new-privs")
    # The folder is a module too, and an empty one: where Ansible brings our code along, it has no source.
    parts = [(attempts.__package__, ""), *((part.__name__, inspect.getsource(part)) for part in _PARTS)]
    return ask(*step_down, "/usr/bin/python3", "-I", "-S", "-c", _KNOCK, json.dumps(parts), json.dumps(rows))
