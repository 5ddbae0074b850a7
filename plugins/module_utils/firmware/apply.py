"""Make fwupd what policy says: what it may fetch, and that nothing of it happens by itself."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import running, tree
from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.firmware import keyfile, told
from ansible_collections.haechi.guard.plugins.module_utils.firmware.manager import FirmwareError

CONF, REMOTES = "/etc/fwupd/fwupd.conf", "/etc/fwupd/remotes.d"
MIRROR = f"{REMOTES}/haechi-mirror.conf"
SYSTEM = "/etc/systemd/system"
SERVICE, TIMER = "fwupd-refresh.service", "fwupd-refresh.timer"
REFRESH = (SERVICE, TIMER)


def ensure(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Return a module's result; with ``lacking`` in it the controller brings packages and asks again.

    Raises ``FirmwareError`` or ``OSError``.
    """
    desired = asked["desired"]
    lacking = _lacking(desired["packages"])
    if lacking and not check:
        # Debian's package fetches from LVFS as soon as it is installed.
        _mask()
        return {"changed": True, "lacking": lacking}
    edits = [*_edits(desired)]
    units = _units(bool(desired["source"]))
    changes = [
        *(f"package {name}: absent -> installed" for name in lacking),
        *(line for edit in edits for line in edit.lines),
        *(f"{name}: {words}" for name, words in units.items()),
    ]
    if not check:
        for edit in edits:
            edit.make()
        if units:
            _switch(on=bool(desired["source"]))
    return {"changed": bool(changes), "changes": changes, "diff": [{"prepared": f"{line}\n"} for line in changes]}


class Edit:
    """A file that differs, and in which keys: what else is in it may be a secret, and is neither shown nor touched."""

    def __init__(self, path: str, before: str | None, after: str | None) -> None:
        """Keep both texts; None is no file."""
        self._path, self._after = path, after
        old, new = (keyfile.everything(text or "") for text in (before, after))
        keys = [key for key in {**new, **old} if old.get(key) != new.get(key)]
        told_so = [f"{path}: {key} {old.get(key, 'absent')} -> {new.get(key, 'absent')}" for key in keys]
        self.lines = told_so or [f"{path}: made anew"]

    def make(self) -> None:
        """Write it, as readable as it was."""
        if self._after is None:
            Path(self._path).unlink()
            return
        there = Path(self._path).stat() if Path(self._path).is_file() else None
        mode, uid, gid = (stat.S_IMODE(there.st_mode), there.st_uid, there.st_gid) if there else (0o644, 0, 0)
        files.write(self._path, self._after.encode(), mode=mode, uid=uid, gid=gid)


def _edits(desired: Mapping[str, Any]) -> Iterator[Edit]:
    """Yield the files that are not as they should be."""
    now = _text(CONF)
    new = now or ""
    for section, values in desired["settings"].items():
        new = keyfile.merged(new, section, values)
    if now != new:
        yield Edit(CONF, now, new)
    mirror = desired["mirror"] or None
    if _text(MIRROR) != mirror:
        yield Edit(MIRROR, _text(MIRROR), mirror)
    for path in sorted(Path(REMOTES).glob("*.conf")):
        before = _text(str(path)) or ""
        after = remote(before, path.stem, desired)
        if str(path) != MIRROR and before != after:
            yield Edit(str(path), before, after)


def remote(text: str, name: str, desired: Mapping[str, Any]) -> str:
    """Return a remote's file as it should be: silent, and on only where policy has it fetch. Pure.

    What lies on this host stays as it is: it fetches nothing.
    """
    now = keyfile.read(text, told.REMOTE)
    # What is not said is off (fwupd-remotes.d(5)).
    values = {key: value for key, value in desired["remotes"].items() if now.get(key, value).lower() != value}
    if not now.get("MetadataURI", "").startswith("file://"):
        values["Enabled"] = "true" if name == desired["source"] else "false"
    return keyfile.merged(text, told.REMOTE, values)


def _text(path: str) -> str | None:
    return Path(path).read_text(encoding="utf-8") if Path(path).is_file() else None


def _lacking(names: list[str]) -> list[str]:
    done = running.run("dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\\n", *names)
    there = {line.split()[0] for line in done.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in names if name not in there]


def _units(on: bool) -> dict[str, str]:  # noqa: FBT001 - the state that policy has
    """Return the units that are not as policy has them, with what is to be done."""
    masked = {name: os.path.realpath(f"{SYSTEM}/{name}") == "/dev/null" for name in REFRESH}
    if not on:
        return {name: "could start by itself -> masked" for name, is_so in masked.items() if not is_so}
    found = {name: "masked -> may run" for name, is_so in masked.items() if is_so}
    return found or running.lacking([TIMER])


def _mask() -> None:
    """Keep the units from ever starting, after an upgrade of the package too (systemctl(1), mask)."""
    # What is masked while it runs counts as failed. Before the package came there is nothing to stop.
    running.run("systemctl", "stop", *REFRESH)
    for name in REFRESH:
        tree.put(f"{SYSTEM}/{name}", None)
        Path(SYSTEM, name).symlink_to("/dev/null")
    running.must(FirmwareError, "systemctl", "daemon-reload")


def _switch(*, on: bool) -> None:
    if not on:
        _mask()
        return
    for name in REFRESH:
        if Path(SYSTEM, name).is_symlink():
            Path(SYSTEM, name).unlink()
    running.must(FirmwareError, "systemctl", "daemon-reload")
    running.must(FirmwareError, "systemctl", "enable", "--quiet", "--now", TIMER)
