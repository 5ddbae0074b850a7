"""Install what waits, in the window alone, device by device; nothing is ever rebooted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import running
from ansible_collections.haechi.guard.plugins.module_utils.firmware import manager, told
from ansible_collections.haechi.guard.plugins.module_utils.firmware.manager import FirmwareError

INSTALLED, REBOOT, FAILED, LATE, WAITS = "installed", "waits for a reboot", "failed", "not begun", "waits"


def perform(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Return a module's result; ``devices`` says of each device what became of it.

    ``asked``: ``begins`` and ``ends``, seconds since 1970. Raises ``FirmwareError``: this host's own clock is outside
    of the window, or fwupd does not answer.
    """
    begins, ends = int(asked["begins"]), int(asked["ends"])
    if not check and (why := outside(begins, ends, time.time())):
        raise FirmwareError(why)
    rows = [*_rows(ends, check=check)]
    bad = [line(row) for row in rows if row["state"] in {FAILED, LATE}]
    told_so = [line(row) for row in rows]
    changed = any(row["state"] in {INSTALLED, REBOOT, WAITS} for row in rows)
    result = {
        "changed": changed,
        "changes": told_so,
        "devices": rows,
        "diff": [{"prepared": f"{x}\n"} for x in told_so],
    }
    return result | ({"failed": True, "msg": f"firmware: {'; '.join(bad)}"} if bad else {})


def outside(begins: int, ends: int, now: float) -> str:
    """Return why a host installs nothing by its own clock; empty in the window. Pure."""
    if begins <= now < ends:
        return ""
    clock, first, last = (f"{_utc(at):%Y-%m-%d %H:%M}" for at in (now, begins, ends))
    return f"this host's clock says {clock} UTC, the window is {first} to {last} UTC: nothing was installed"


def line(row: Mapping[str, Any]) -> str:
    """Return what became of a device, for a person."""
    said = f": {row['said']}" if row["said"] else ""
    return f"{row['name']} {row['before']} -> {row['offered']}: {row['state']}{said}"


def _rows(ends: int, *, check: bool) -> Iterator[dict[str, Any]]:
    """Yield each device that waits, installed one after the other; after one that failed no other is begun."""
    found = {str(row["DeviceId"]): row for row in manager.ask(manager.UPDATES)["Devices"]}
    failed = ""
    for name, releases in told.waiting({"Devices": [*found.values()]}).items():
        row = told.device(found[name], releases, frozenset())
        about = {"id": name, "name": row["name"], "before": row["version"], "offered": row["releases"][0]["version"]}
        if check:
            yield {**about, "after": row["version"], "state": WAITS, "said": ""}
        elif failed or time.time() >= ends:
            said = f"{failed} failed before it" if failed else "the window is over"
            yield {**about, "after": row["version"], "state": LATE, "said": said}
        else:
            became = {**about, **_install(name, row["releases"][0]["version"])}
            failed = row["name"] if became["state"] == FAILED else ""
            yield became


def _install(name: str, offered: str) -> dict[str, Any]:
    """Have fwupd install; it goes on by itself where this connection ends."""
    done = running.run(*manager.command("update", name))
    after = _after(lambda: manager.ask(manager.DEVICES, name)["Devices"][0])
    if done.returncode not in {0, manager.NOTHING_TO_DO}:
        return {"after": after["version"], "state": FAILED, "said": manager.why(done)}
    if after["reboot"]:
        return {"after": after["version"], "state": REBOOT, "said": "nobody reboots but you"}
    if after["version"] == offered:
        return {"after": after["version"], "state": INSTALLED, "said": ""}
    return {"after": after["version"], "state": FAILED, "said": f"{after['version']} runs all the same"}


def _after(look: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """Return the device as it is now."""
    return told.device(look(), (), frozenset())


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)  # noqa: UP017 - Python 3.11 on hosts
