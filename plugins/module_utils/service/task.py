"""The host's half of ``haechi.guard.service``: look, place, start."""

from __future__ import annotations

import platform
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import running, tree
from ansible_collections.haechi.guard.plugins.module_utils.service import application

OLDEST = (3, 12)
ACCOUNTS = "/etc/sysusers.d/"
MAKE_ACCOUNTS = [{"paths": [f"{ACCOUNTS}*"], "run": [["systemd-sysusers"]]}]


class ServiceError(Exception):
    """The service cannot be made or does not start; the text says why."""


def perform(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Make what is asked; with ``lacking`` in the answer the controller brings an archive and asks again."""
    try:
        return ensure(asked, check=check)
    except (ServiceError, tree.TreeError, OSError, KeyError, EOFError, tarfile.TarError) as error:
        return {"failed": True, "msg": f"service {asked['application']}: {error}"}


def ensure(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Return a module's result."""
    name, digest, units = str(asked["application"]), str(asked["digest"]), [*map(str, asked["units"])]
    if sys.version_info < OLDEST:
        raise ServiceError(f"needs Python {OLDEST[0]}.{OLDEST[1]}, so Debian 13: name a host of that release in policy")
    before = application.current(name)
    stale = before != digest
    if stale and not asked["archive"] and not check:
        return {"lacking": {"python": f"3.{sys.version_info.minor}", "machine": platform.machine()}}
    if stale and not check:
        application.unpack(name, digest, Path(asked["archive"]))
        application.point(name, digest)
    try:
        placed, states = _placed(asked, units, stale=stale, check=check)
    except (ServiceError, tree.TreeError):
        if not check:
            application.point(name, before)
            _as_before(units)
        raise
    if stale and not check:
        application.prune(name)
    version = [f"application {name}: {before or 'absent'} -> {digest}"] if stale else []
    changes = [*version, *placed["paths"], *(f"{unit}: {words}" for unit, words in states.items())]
    shown = [{"prepared": f"{line}\n"} for line in version]
    return {"changed": bool(changes), "changes": changes, "diff": [*shown, *placed["diff"]]}


def _placed(
    asked: Mapping[str, Any], units: list[str], *, stale: bool, check: bool
) -> tuple[dict[str, Any], dict[str, str]]:
    """Place the files and have the units run; return what the tree says of it, and which units did not."""
    placed = _files(asked, units, check=check)
    if stale and not placed["changed"] and not check:
        running.must(ServiceError, "systemctl", "restart", *(name for name in units if name.endswith(".service")))
    states = {} if check and placed["changed"] else running.lacking(units)
    if states and not check:
        running.must(ServiceError, "systemctl", "enable", "--quiet", "--now", *units)
    return placed, states


def _files(asked: Mapping[str, Any], units: list[str], *, check: bool) -> dict[str, Any]:
    """Place the files, what makes the account first: others belong to its group. Return what the tree says of it."""
    account = [row for row in asked["files"] if row["path"].startswith(ACCOUNTS)]
    others = [row for row in asked["files"] if row not in account]
    absent = _others(asked["folders"], {row["path"] for row in others})
    made = [
        tree.make({"files": account, "absent": [], "follow_ups": MAKE_ACCOUNTS}, check=check),
        tree.make({"files": others, "absent": absent, "follow_ups": _follow_ups(units)}, check=check),
    ]
    told = {name: [line for one in made for line in one[name]] for name in ("paths", "diff")}
    return {**told, "changed": any(one["changed"] for one in made)}


def _as_before(units: list[str]) -> None:
    """Have run again what ran before, and nothing that was not there; a failure here adds nothing to what is told."""
    running.run("systemctl", "daemon-reload")
    for unit in units:
        known = running.run("systemctl", "show", "-P", "FragmentPath", unit).stdout.strip()
        for verb in ("restart",) if known else ("stop", "reset-failed"):
            running.run("systemctl", verb, unit)


def _others(folders: list[str], wanted: set[str]) -> list[str]:
    """Return what lies in folders and is not wanted there: a file that policy no longer has would go on counting."""
    found = (str(path) for folder in folders for path in sorted(Path(folder).rglob("*")) if not path.is_dir())
    return [path for path in found if path not in wanted]


def _follow_ups(units: list[str]) -> list[dict[str, Any]]:
    return [
        {"paths": ["/etc/systemd/system/*"], "run": [["systemctl", "daemon-reload"]]},
        # A socket stays open when its service starts anew: whoever comes then waits, and is not refused.
        {"paths": ["/etc/*"], "run": [["systemctl", "enable", "--quiet", *units], ["systemctl", "restart", *units]]},
    ]
