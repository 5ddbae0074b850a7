"""Which machine it is, and its kernel values now and at the next boot."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import fingerprint
from ansible_collections.haechi.guard.plugins.module_utils.baseline import system
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import NotSeenError, Question, Reader, ask, read

HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"


def container() -> bool:
    """Return whether systemd knows that it runs in a container."""
    return os.path.exists("/run/systemd/container")  # noqa: PTH110


def host(_: Question) -> Reader:
    """Release, kernel, host key, boot."""
    return _host


def _host() -> dict[str, Any]:
    key = fingerprint(read(HOST_KEY))
    if key is None:
        raise NotSeenError(f"{HOST_KEY} holds no key")
    return {
        "release": release(read("/etc/os-release")),
        "kernel": os.uname().release,
        "container": container(),
        "host_key": key,
        "boot_id": read("/proc/sys/kernel/random/boot_id").strip(),
        "uptime_s": float(read("/proc/uptime").split()[0]),
    }


def release(text: str) -> str:
    """Return Debian's number.

    Raises ``NotSeenError`` where it is another system.
    """
    rows = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if rows.get("ID", "").strip('"') != "debian":
        raise NotSeenError(f"this is {rows.get('ID', 'nothing known')}, not Debian")
    return rows.get("VERSION_ID", "").strip('"')


def sysctl(question: Question) -> Reader:
    """Asked keys, a pattern standing for those it fits: values, which can be set here, what the next boot sets."""
    files = ask("/usr/lib/systemd/systemd-sysctl", "--cat-config")

    def seen() -> dict[str, Any]:
        keys = tuple(system.expanded(dict.fromkeys(question.sysctl, "")))
        now = [system.kernel(key) for key in keys]
        return {
            "values": {one.key: one.value for one in now},
            "writable": [one.key for one in now if one.writable],
            "boot": at_boot(files.text(), keys),
        }

    return seen


def at_boot(text: str, keys: tuple[str, ...]) -> dict[str, str]:
    """Return what sysctl.d(5) sets for some keys: the last line counts, a name in full counts more than a pattern.

    A name after a dash without a value is taken out of the patterns.
    """
    exact: dict[str, str] = {}
    patterns: dict[str, str] = {}
    spared: set[str] = set()
    for line in text.splitlines():
        match = re.match(r"\s*(-?)([^#;=\s][^=\s]*)\s*(=?)\s*(.*?)\s*$", line)
        if match is None:
            continue
        # A slash first means that dots are part of names (an interface's); the other way round they part names.
        name = match[2] if "/" not in match[2] else match[2].replace(".", "\0").replace("/", ".").replace("\0", "/")
        if not match[3]:
            spared |= {name} if match[1] else set()
        elif any(sign in name for sign in "*?["):
            patterns.pop(name, None)
            patterns[name] = match[4]
        else:
            exact[name] = match[4]
    found = {}
    for key in keys:
        fits = [value for pattern, value in patterns.items() if fnmatchcase(key, pattern) and key not in spared]
        if key in exact or fits:
            found[key] = exact[key] if key in exact else fits[-1]
    return found
