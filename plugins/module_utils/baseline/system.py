"""Services, packages, kernel values, key-value files and the clock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils.baseline.change import (
    Change,
    Finding,
    NotReal,
    Plan,
    Run,
    Write,
)

UNIT_FOLDERS = ("/etc/systemd/system", "/run/systemd/generator", "/usr/lib/systemd/system", "/lib/systemd/system")
READ_ONLY = "this container's /proc/sys is read-only; the file is placed, a virtual machine must show the effect"
VALUES = Path("/proc/sys")
# As sysctl(8) writes a key: dots part names, and a dot inside of one (an interface's) is a slash.
SWAPPED = str.maketrans("./", "/.")


@dataclass(frozen=True)
class Unit:
    """A unit as it is; ``own`` means that an administrator wrote it."""

    present: bool
    masked: bool
    own: bool


@dataclass(frozen=True)
class Kernel:
    """A kernel value as it is; ``value`` is ``None`` where this kernel has no such key."""

    key: str
    value: str | None
    writable: bool


def unit(name: str) -> Unit:
    """Look at one unit by its files; systemd need not be asked for what stands in folders."""
    script = Path("/etc/init.d", name.removesuffix(".service"))
    own = Path("/etc/systemd/system", name)
    return Unit(
        present=any(Path(folder, name).exists() for folder in UNIT_FOLDERS)
        or (name.endswith(".service") and script.exists()),
        masked=own.is_symlink() and str(own.readlink()) == "/dev/null",
        own=own.is_file() and not own.is_symlink(),
    )


def plan_units(units: Mapping[str, Iterable[str]], seen: Mapping[str, Unit]) -> Plan:
    """Stop and mask the services nobody may offer, where they exist.

    systemd masks by a link in /etc/systemd/system, so a unit that somebody wrote there stays a finding.
    """
    changes, found = [], []
    for topic, names in units.items():
        for name in names:
            now = seen[name]
            if now.own:
                found.append(Finding(topic, name, "a unit in /etc/systemd/system", "disable it and remove its file"))
            elif now.present and not now.masked:
                act = Run(("systemctl", "mask", "--now", name))
                changes.append(Change(topic, name, "can be started", "stopped and masked", (act,)))
    return Plan(tuple(changes), tuple(found))


def installed(name: str, arch: Iterable[str] = ("", ":amd64", ":arm64")) -> bool:
    """Whether dpkg has files of this package."""
    return any(Path("/var/lib/dpkg/info", f"{name}{suffix}.list").exists() for suffix in arch)


def plan_packages(packages: Mapping[str, Iterable[str]], here: frozenset[str]) -> Plan:
    """Report packages of services nobody may offer; removing them is the administrator's decision."""
    rows = [(topic, name) for topic, names in packages.items() for name in names if name in here]
    mend = "`apt purge` it if nothing needs it"
    return Plan(findings=tuple(Finding(topic, name, "installed", mend) for topic, name in rows))


def expanded(wanted: Mapping[str, str], root: Path = VALUES) -> dict[str, str]:
    """Return values by key: a pattern stands for the keys it fits now, and a name in full counts more (sysctl.d(5))."""
    fits = {
        str(path.relative_to(root)).translate(SWAPPED): value
        for pattern, value in wanted.items()
        if "*" in pattern
        for path in sorted(root.glob(pattern.translate(SWAPPED)))
    }
    return fits | {key: value for key, value in wanted.items() if "*" not in key}


def kernel(key: str) -> Kernel:
    """Read one kernel value."""
    path = VALUES / key.translate(SWAPPED)
    try:
        value = " ".join(path.read_text(encoding="utf-8").split())
    except FileNotFoundError:
        return Kernel(key, None, writable=False)
    except OSError as error:
        return Kernel(key, f"unreadable: {error.strerror}", writable=False)
    try:
        with path.open("r+b"):
            return Kernel(key, value, writable=True)
    except OSError:
        return Kernel(key, value, writable=False)


def plan_kernel(wanted: Mapping[str, str], seen: Iterable[Kernel]) -> Plan:
    """Set kernel values that differ; say so where this machine cannot have them."""
    changes, not_real = [], []
    for now in seen:
        value = " ".join(str(wanted[now.key]).split())
        if now.value == value:
            continue
        if now.writable:
            act = Write(str(VALUES / now.key.translate(SWAPPED)), value, in_place=True)
            changes.append(Change("sysctl", now.key, str(now.value), value, (act,)))
        else:
            why = "this kernel, or this network namespace, has no such key" if now.value is None else READ_ONLY
            not_real.append(NotReal("sysctl", now.key, value, str(now.value), why))
    return Plan(tuple(changes), not_real=tuple(not_real))


def set_values(text: str, values: Mapping[str, str]) -> str:
    """Return a key-value file (login.defs) with the values set: first line replaced, doubles dropped, new ones last."""
    lines, done = [], set()
    for line in text.splitlines():
        match = re.match(r"^\s*([A-Z_0-9]+)\s", f"{line} ")
        key = match.group(1) if match else ""
        if key not in values:
            lines.append(line)
        elif key not in done:
            done.add(key)
            right = line.split()[1:] == [str(values[key])]
            lines.append(line if right else f"{key}\t{values[key]}")
    lines += [f"{key}\t{value}" for key, value in values.items() if key not in done]
    return "\n".join(lines) + "\n"


def plan_login_defs(text: str, values: Mapping[str, str], path: str = "/etc/login.defs") -> Plan:
    """Set what new accounts start with (U-02, U-13, U-30); login.defs knows no drop-in folder."""
    new = set_values(text, values)
    if new == text:
        return Plan()
    before = sorted(set(text.splitlines()) - set(new.splitlines()))
    after = sorted(set(new.splitlines()) - set(text.splitlines()))
    return Plan((Change("login.defs", path, "; ".join(before) or "-", "; ".join(after) or "-", (Write(path, new),)),))


def plan_groups(wanted: Iterable[str], here: frozenset[str]) -> Plan:
    """Make the groups that PAM profiles name; an absent group would shut everybody out, root's console included."""
    missing = [name for name in wanted if name not in here]
    acts = {name: (Run(("groupadd", "--system", name)),) for name in missing}
    return Plan(tuple(Change("U-06", f"group {name}", "absent", "exists", acts[name]) for name in missing))


def plan_clock(server: str | None, *, container: bool, synchronised: bool) -> Plan:
    """Say whether the clock follows the site's time server (U-65)."""
    if server is None or synchronised:
        return Plan()
    if container:
        why = "a container takes its clock from its machine; the file is placed, a virtual machine must show the effect"
        return Plan(not_real=(NotReal("U-65", "clock", server, "container", why),))
    mend = f"look at `timedatectl timesync-status`; is udp 123 to {server} allowed?"
    return Plan(findings=(Finding("U-65", "clock", "not synchronised", mend),))
