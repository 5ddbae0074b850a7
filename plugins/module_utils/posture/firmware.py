"""fwupd as it is: which devices it sees, what waits for them, who tells it, and what could install by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.firmware import apply, keyfile, manager, told
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import (
    Answer,
    NotSeenError,
    Question,
    Reader,
    ask,
    read_if,
)

_SHOWN = "Id,ActiveState,UnitFileState"
# Whatever somebody made that calls fwupd for more than news of updates, at an hour that nobody asked for.
CALLERS = (
    *("/etc/systemd/system", "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly"),
    *("/etc/cron.monthly", "/var/spool/cron/crontabs", "/etc/crontab", "/etc/update-motd.d"),
)
_CALL = re.compile(r"^(?!\s*#).*\bfwupd(?:mgr|tool)\b(?!(?:\s+-\S+)*\s+(?:refresh|get-[a-z-]+)\b)", re.MULTILINE)
MOST = 1 << 16
# Others may be secrets, and no judge needs them.
SHOWN = (
    *("fwupd.UpdateMotd", "fwupd.P2pPolicy", "fwupd.OnlyTrusted", "fwupd.IgnoreRequirements"),
    "redfish.IpmiDisableCreateUser",
)
NOTHING: dict[str, Any] = {
    "installed": False,
    "silent": "",
    **{name: [] for name in ("devices", "remotes", "callers")},
    "settings": {},
    "units": {},
}


def firmware(_: Question) -> Reader:
    """Return what fwupd says and goes by; nothing is asked on a host without it."""
    if not Path(manager.PROGRAM).is_file():
        return lambda: NOTHING
    said = [_asked(verb) for verb in (manager.DEVICES, manager.UPDATES, manager.REMOTES)]
    states = ask("systemctl", "show", f"--property={_SHOWN}", *apply.REFRESH)
    return lambda: {**NOTHING, **_seen(states.text()), **_told(said)}


def _asked(verb: str) -> Answer:
    return ask("sh", "-c", manager.STARTED, "sh", *manager.command(verb))


def _seen(states: str) -> dict[str, Any]:
    rows = [dict(line.split("=", 1) for line in block.splitlines()) for block in states.strip().split("\n\n")]
    settings = keyfile.everything(read_if(apply.CONF, MOST))
    return {
        "installed": True,
        "settings": {key: settings[key] for key in SHOWN if key in settings},
        "units": {row["Id"]: f"{row['ActiveState']} {row['UnitFileState']}" for row in rows},
        "callers": sorted(calls((str(path), read_if(str(path), MOST)) for path in _files())),
    }


def calls(texts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the paths of texts that call fwupd to do something. Pure."""
    yield from (path for path, text in texts if _CALL.search(text))


def _files() -> Iterator[Path]:
    for name in CALLERS:
        found = [Path(name), *Path(name).rglob("*")] if Path(name).is_dir() else [Path(name)]
        yield from (path for path in found if path.is_file())


def _told(said: list[Answer]) -> dict[str, Any]:
    """Return devices and remotes; ``silent`` says why where fwupd does not answer."""
    try:
        devices, updates, remotes = (_json(answer) for answer in said)
        releases = told.waiting(updates)
        bus = {name: ask(*manager.upgrades(name)) for name in releases}
        urgent = {name: told.critical(answer.json()) for name, answer in bus.items()}
    except NotSeenError as error:
        return {"silent": str(error)}
    return {"devices": [*_devices(devices["Devices"], releases, urgent)], "remotes": told.remotes(remotes)}


def _devices(
    rows: Iterable[Mapping[str, Any]], releases: Mapping[str, list[Mapping[str, Any]]], urgent: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    for row in rows:
        name = str(row["DeviceId"])
        yield told.device(row, releases.get(name, ()), urgent.get(name, frozenset()))


def _json(answer: Answer) -> Any:
    code, out, err = answer.texts()
    if code not in {0, manager.NOTHING_TO_DO}:
        raise NotSeenError(" ".join((told.complaint(out) or err or out).split())[-300:] or f"exit code {code}")
    return json.loads(out)
