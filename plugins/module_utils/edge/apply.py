"""Make a host's edge what policy says: packages, configuration on trial, swap, reload, proof."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import running, tree
from ansible_collections.haechi.guard.plugins.module_utils.edge import alive, candidate

SCRIPT = "/usr/libexec/haechi/edge-alive"
INTERFACE = "@INTERFACE@"
# In this order: nobody takes the address before something answers at it.
UNITS = ("nginx.service", "haproxy.service", "keepalived.service")
# As long as a busy host may take; where all is well the first question is answered.
PATIENCE_S = "30"
# As keepalived runs it (`script_user`): what that account may not run, keepalived leaves out and holds the address.
AS_NOBODY = ("--reuid=nobody", "--regid=nogroup", "--clear-groups")
OPEN = 0o755
# A reload ends no connection: old workers go on until theirs are done (haproxy(1), nginx(8)).
FOLLOW_UPS: list[dict[str, Any]] = [
    {"paths": ["/etc/tmpfiles.d/*"], "run": [["systemd-tmpfiles", "--create", "/etc/tmpfiles.d/haechi-edge.conf"]]},
    {"paths": ["/etc/systemd/system/*"], "run": [["systemctl", "daemon-reload"]]},
    {"paths": ["/etc/systemd/system/nginx*"], "run": [["systemctl", "restart", "nginx.service"]]},
    {"paths": ["/etc/systemd/system/haproxy*"], "run": [["systemctl", "restart", "haproxy.service"]]},
    {"paths": ["/etc/nginx/*", "*/waf.conf"], "run": [["systemctl", "reload-or-restart", "nginx.service"]]},
    {"paths": ["/etc/haproxy/*"], "run": [["systemctl", "reload-or-restart", "haproxy.service"]]},
    {"paths": ["/etc/*"], "run": [["setpriv", *AS_NOBODY, SCRIPT, PATIENCE_S]]},
    {"paths": ["/etc/systemd/system/keepalived*"], "run": [["systemctl", "restart", "keepalived.service"]]},
    {"paths": ["/etc/keepalived/*"], "run": [["systemctl", "reload-or-restart", "keepalived.service"]]},
]


class EdgeError(Exception):
    """The edge cannot be made; the text says why."""


def ensure(desired: Mapping[str, Any], texts: Mapping[str, str], *, check: bool) -> dict[str, Any]:
    """Return a module's result; with ``lacking`` in it the controller brings packages and asks again.

    Raises ``EdgeError``, ``RefusedError``, ``TreeError`` or ``OSError``; what served before serves then.
    """
    lacking = [name for name in desired["packages"] if not _installed(name)]
    if lacking and not check:
        return {"changed": True, "lacking": lacking}
    rows = _rows(desired, texts)
    links = {path: to for path, to in desired["links"].items() if not _leads(path, to)}
    planned, closed = tree.make(_asked(rows), check=True), _closed(Path(SCRIPT).parent)
    if not check:
        _certified(desired["links"].values())
        _point(links)
        if closed:
            Path(SCRIPT).parent.chmod(OPEN)
        if planned["changed"]:
            _swap(rows)
        elif links:
            running.must(EdgeError, "systemctl", "reload-or-restart", "haproxy.service")
        if closed:
            running.must(EdgeError, "systemctl", "reload-or-restart", "keepalived.service")
    states = {} if check and planned["changed"] else running.lacking(UNITS)
    if states and not check:
        running.must(EdgeError, "systemctl", "enable", "--quiet", "--now", *UNITS)
    changes = [
        *(f"package {name}: absent -> installed" for name in lacking),
        *(f"{path}: -> {to}" for path, to in links.items()),
        *([f"{Path(SCRIPT).parent}: closed to keepalived's check -> open"] if closed else ()),
        *(f"{unit}: {words}" for unit, words in states.items()),
    ]
    shown = [{"prepared": f"{line}\n"} for line in changes]
    changes = [*changes, *planned["paths"]]
    return {"changed": bool(changes), "changes": changes, "diff": [*shown, *planned["diff"]]}


def _rows(desired: Mapping[str, Any], texts: Mapping[str, str]) -> list[dict[str, Any]]:
    card = _interface(desired["here"]["address"])
    plain = {path: (text.replace(INTERFACE, card), "0644") for path, text in texts.items()}
    script = f"#!/usr/bin/python3 -IS\n{inspect.getsource(alive)}"
    files = {**plain, SCRIPT: (script, "0755")}
    return [
        {"path": path, "content": text, "mode": mode, "owner": "root", "group": "root"}
        for path, (text, mode) in files.items()
    ]


def _interface(address: str) -> str:
    """Return the interface that holds an address of this host."""
    for card in json.loads(running.must(EdgeError, "ip", "-json", "address", "show")):
        if any(row.get("local") == address for row in card["addr_info"]):
            return str(card["ifname"])
    raise EdgeError(f"no interface has {address}, which policy gives this host")


def _asked(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"files": rows, "absent": [], "follow_ups": FOLLOW_UPS}


def _certified(paths: Iterable[str]) -> None:
    missing = [path for path in paths if not Path(path).is_file()]
    if missing:
        raise EdgeError(f"{missing[0]} is not there: the role recorder makes it, so let it run before")


def _swap(rows: list[dict[str, Any]]) -> None:
    """Try the files, put them in place, and have the services take them; old files come back where something fails."""
    # keepalived's candidate names it, and wants it there.
    tree.make(_asked([row for row in rows if row["path"] == SCRIPT]), check=False)
    candidate.judge([row for row in rows if row["path"] != SCRIPT])
    try:
        tree.make(_asked(rows), check=False)
    except tree.TreeError:
        # The old files are back; a failure here would add nothing to what is told.
        for command in (["daemon-reload"], *(["reload-or-restart", unit] for unit in UNITS)):
            running.run("systemctl", *command)
        raise


def _closed(folder: Path) -> bool:
    return folder.is_dir() and folder.stat().st_mode & OPEN != OPEN


def _leads(path: str, to: str) -> bool:
    return Path(path).is_symlink() and str(Path(path).readlink()) == to


def _point(links: Mapping[str, str]) -> None:
    """Let paths lead to a certificate and its key: HAProxy finds a key by the certificate's name alone."""
    for path, to in links.items():
        Path(path).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        Path(path).unlink(missing_ok=True)
        Path(path).symlink_to(to)


def _installed(name: str) -> bool:
    return running.run("dpkg-query", "--show", "--showformat", "${db:Status-Status}", name).stdout == "installed"
