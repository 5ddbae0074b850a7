"""fwupdmgr and the bus, asked for JSON; the daemon starts when it is asked, and ends when nobody asks any more."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import running
from ansible_collections.haechi.guard.plugins.module_utils.firmware import told

PROGRAM = "/usr/bin/fwupdmgr"
# fwupdmgr(1). Nothing is uploaded, fetched or asked on the way; a reboot is a person's.
QUIET = (
    *("--json", "--assume-yes", "--no-unreported-check", "--no-metadata-check", "--no-remote-check"),
    *("--no-reboot-check", "--no-device-prompt", "--no-security-fix"),
)
DEVICES, UPDATES, REMOTES = "get-devices", "get-updates", "get-remotes"
# Where its unit may not run, in a container, the bus would wait half a minute for it (systemd.unit(5), conditions).
STARTED = """systemctl start fwupd.service && systemctl is-active --quiet fwupd.service ||
{ echo "fwupd.service does not run here: systemctl status fwupd.service" >&2; exit 1; }
exec "$@"
"""
# fwupdmgr(1), exit status: there was nothing to do.
NOTHING_TO_DO = 2


class FirmwareError(Exception):
    """It cannot be made so, or not be asked; the text says why."""


def command(verb: str, *more: str) -> tuple[str, ...]:
    """Return how fwupd is asked."""
    return (PROGRAM, verb, *more, *QUIET)


def upgrades(device: str) -> tuple[str, ...]:
    """Return how the bus is asked what waits for a device, and how urgent that is."""
    return (
        *("busctl", "--json=short", "--timeout=20", "call", "org.freedesktop.fwupd", "/", "org.freedesktop.fwupd"),
        *("GetUpgrades", "s", device),
    )


def ask(verb: str, *more: str) -> dict[str, Any]:
    """Return what fwupd says. Raises ``FirmwareError``."""
    done = running.run("sh", "-c", STARTED, "sh", *command(verb, *more))
    if done.returncode not in {0, NOTHING_TO_DO}:
        raise FirmwareError(f"fwupd does not answer {verb}: {why(done)}")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def why(done: subprocess.CompletedProcess[str]) -> str:
    """Return in one line what fwupdmgr complained of."""
    said = told.complaint(done.stdout) or done.stderr or done.stdout or f"exit code {done.returncode}"
    return " ".join(said.split())[-300:]
