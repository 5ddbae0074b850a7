"""Make a host's recorder what policy says: certificates, files, units, and that it answers. One round trip, or two."""

from __future__ import annotations

import inspect
import json
import platform
import re
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import alarm, running, tree
from ansible_collections.haechi.guard.plugins.module_utils.recorder import leaves, replay, units, watch
from ansible_collections.haechi.guard.plugins.module_utils.renewal import install, run

SCRIPTS = Path("/usr/libexec/haechi")
ROOT = "/etc/haechi/x509/root.pem"
# As long as a busy host may take; where all is well the first question is answered.
PATIENCE_S = 30.0


class RecorderError(Exception):
    """The recorder cannot be made; the text says why, and nobody's sudo was made to depend on it."""


def ensure(desired: Mapping[str, Any], signed: Mapping[str, str], now: datetime, *, check: bool) -> dict[str, Any]:
    """Return a module's result; with ``lacking`` or ``requests`` in it the controller brings those and asks again.

    Raises ``RecorderError``, ``X509Error`` or ``OSError``.
    """
    x509, variant = (
        desired["x509"],
        desired["variants"][_release()] if desired["here"] else {"packages": [], "files": []},
    )
    lacking = [name for name in variant["packages"] if not _installed(name)]
    if x509["leaves"] and not x509["issuing"] and not check:
        raise RecorderError("X.509 has no root yet, so nobody could sign: run `haechi ca root` on the controller first")
    wanted, loose = leaves.due(x509, now), leaves.loose(x509)
    if not check and (lacking or {one.leaf["name"] for one in wanted} - set(signed)):
        return {"changed": True, "lacking": lacking, "requests": leaves.requests(wanted)}
    steps, states = _steps(desired, variant), units.states(desired, variant)
    renewal = install.on_host(x509) if x509["leaves"] else None
    changes = [
        *(f"package {name}: absent -> installed" for name in lacking),
        *(f"certificate {one.leaf['name']}: {one.why} -> signed" for one in wanted),
        *(f"key of {leaf['name']}: open to others -> {leaf['user']}'s alone" for leaf in loose),
        *(f"{name}: {words}" for name, words in states.items()),
        *(renewal.lines() if renewal else ()),
    ]
    files = (*steps, *(renewal.steps if renewal else ()))
    shown = [{"prepared": "".join(f"{line}\n" for line in changes)}, *map(tree.diff, files)]
    if not check and (changes or files):
        leaves.place(wanted, signed)
        leaves.shut(loose)
        for step in steps:
            tree.put(step.path, step.after)
        _activate(desired, variant, [step.path for step in steps], certified=bool(wanted))
        run.reload(_others(wanted))
        if renewal:
            install.apply(renewal)
    return {"changed": bool(changes or files), "changes": changes, "diff": shown}


def _steps(desired: Mapping[str, Any], variant: Mapping[str, Any]) -> tuple[tree.Step, ...]:
    rows = [*variant["files"]]
    if desired["x509"]["leaves"]:
        rows.append({"path": ROOT, "content": desired["x509"]["root"], "mode": "0644"})
    absent: list[str] = []
    if desired["here"]:
        rows += _scripts(desired) + units.files(variant)
        absent = [*units.absent(variant), *([] if desired["keeps"] else [str(SCRIPTS / "replay")])]
    wanted = tree.wanted({"owner": "root", "group": "root", **row} for row in rows)
    paths = [*(file.path for file in wanted), *absent]
    return tree.plan({path: tree.observe(path) for path in paths}, wanted, absent)


def _scripts(desired: Mapping[str, Any]) -> list[dict[str, str]]:
    looks = {name: desired[name] for name in ("listen", "queue", "late_s", "far")}
    told = {**looks, "leaves": [{name: leaf[name] for name in ("name", "path")} for leaf in desired["x509"]["leaves"]]}
    rows = [
        {"path": str(watch.SETTINGS), "content": json.dumps(told, indent=1) + "\n", "mode": "0644"},
        {"path": str(SCRIPTS / "recorder"), "content": watch_script(), "mode": "0755"},
    ]
    if desired["keeps"]:
        text = f"#!/usr/bin/python3 -I\n{inspect.getsource(replay)}"
        rows.append({"path": str(SCRIPTS / "replay"), "content": text, "mode": "0755"})
    return rows


def watch_script() -> str:
    """Return the watch as one program: the alarm's source, its own, and the call."""
    # Two files become one, and a future import may stand at the head alone (PEP 236).
    parts = [re.sub(r"(?m)^from __future__ .*\n", "", _program(part)) for part in (alarm, watch)]
    head = "#!/usr/bin/python3 -I\nfrom __future__ import annotations\n\nimport sys\n\n"
    return head + "\n\n".join(parts) + "\n\nmain(sys.argv[1:], raise_alarm, clear)\n"


def _program(part: ModuleType) -> str:
    """Return a module's source without what it does when it is a program of its own."""
    return inspect.getsource(part).partition('\nif __name__ == "__main__":')[0]


def _activate(desired: Mapping[str, Any], variant: Mapping[str, Any], paths: Iterable[str], *, certified: bool) -> None:
    if not desired["here"]:
        return
    changed = set(paths)
    if any(path.startswith(str(units.FOLDER)) for path in changed):
        _must("systemctl", "daemon-reload")
    names = units.names(variant)
    _must("systemctl", "enable", "--quiet", *names)
    configured = certified or bool(changed & {ROOT, *(row["path"] for row in variant["files"])})
    services = [name for name in names if name.endswith(".service")]
    # A reload ends nobody's session; sudo ends the command of whoever loses the recorder (sudo_logsrvd(8), SIGHUP).
    _must("systemctl", "reload-or-restart" if configured else "start", *services)
    _must("systemctl", "start", *(name for name in names if name.endswith(".timer")))
    until = time.monotonic() + PATIENCE_S
    while not watch.greets(desired["listen"]):
        if time.monotonic() > until:
            raise RecorderError(f"the recorder does not answer on {desired['listen']}: {_said()}")
        time.sleep(0.1)


def _others(wanted: Iterable[leaves.Due]) -> list[str]:
    """Return the units that must take a new certificate, but for the recorder's own."""
    return sorted({unit for one in wanted for unit in one.leaf["reload"]} - {units.SERVICE, units.TUNNEL})


def _said() -> str:
    done = running.run("journalctl", "-n", "3", "-o", "cat", "--no-pager", "-u", units.SERVICE, "-t", "sudo_logsrvd")
    return " / ".join(done.stdout.split("\n"))[-400:]


def _installed(name: str) -> bool:
    return running.run("dpkg-query", "--show", "--showformat", "${db:Status-Status}", name).stdout == "installed"


def _release() -> str:
    return str(platform.freedesktop_os_release()["VERSION_ID"])


def _must(*command: str) -> None:
    done = running.run(*command)
    if done.returncode:
        raise RecorderError(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip()}; {_said()}")
