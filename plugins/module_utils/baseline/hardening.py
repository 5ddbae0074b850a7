"""Look at a host once and plan all of the baseline that is not a file of our own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.baseline import (
    filesystems,
    homes,
    modes,
    people,
    system,
    walk,
)
from ansible_collections.haechi.guard.plugins.module_utils.baseline.change import Change, Plan, Remove


def read(path: str) -> str:
    """Return a file's text; an absent file is empty."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""


def numbers(text: str) -> dict[int, str]:
    """Return number -> name of /etc/passwd or /etc/group; the first name wins."""
    rows = (line.split(":") for line in reversed(text.splitlines()))
    return {int(row[2]): row[0] for row in rows if row[2:] and row[2].isdigit()}


def root_path() -> str:
    """Return PATH of root's login shell; a start-up file that hangs or fails gives what it had set by then."""
    argv = ["env", "-i", "HOME=/root", "USER=root", "/bin/bash", "--login", "-c", 'printf %s "$PATH"']
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=5, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def accounts_plan(everyone: tuple[people.Account, ...], wanted: Mapping[str, Any]) -> Plan:
    """Plan ageing, stock accounts and homes; find what a person must judge."""
    total = Plan(findings=people.findings(everyone, wanted["known"], tuple(wanted["hashes"])))
    for who in everyone:
        total += people.plan_ageing(who, wanted) + people.plan_stock(who, wanted["stock"])
    for who in homes.people(everyone):
        total += homes.plan(homes.observe(who), int(str(wanted["home_max"]), 8))
    path = root_path()
    judged = homes.judge_path(path, homes.writable_parts(path)) if path else ()
    return total + Plan(findings=judged)


def files_plan(wanted: Mapping[str, Any], owners: dict[int, str], groups: dict[int, str]) -> Plan:
    """Plan modes, owners, set-ID programs and files that must be absent; report what the walk saw."""
    rules = [modes.rule(raw) for raw in wanted["modes"]]
    kept = modes.overrides(read("/var/lib/dpkg/statoverride"))
    total, ruled = Plan(), []
    for one in rules:
        total += modes.plan(one, modes.observe(one, owners, groups), kept)
        ruled += list(one.paths) if one.keep else []
    for path in wanted["absent"]:
        if Path(path).exists():
            total += Plan((Change("U-27", path, "exists", "absent", (Remove(path),)),))
    tops = filesystems.roots(read("/proc/self/mounts"))
    seen = (*walk.walk(tops, wanted["set_id"]["skip"], owners, groups), *walk.device_files())
    return total + walk.plan(seen, wanted["set_id"]["allow"], ruled)


def services_plan(wanted: Mapping[str, Any]) -> Plan:
    """Plan units, kernel values and login.defs; report packages and the clock."""
    units = {name: system.unit(name) for names in wanted["units"].values() for name in names}
    here = frozenset(name for names in wanted["packages"].values() for name in names if system.installed(name))
    values = system.expanded(wanted["sysctl"])
    clock = system.plan_clock(
        wanted["time_server"],
        container=Path("/run/systemd/container").exists(),
        # timesyncd touches this file at each answer (systemd-timesyncd.service(8)).
        synchronised=Path("/run/systemd/timesync/synchronized").exists() or system.installed("chrony"),
    )
    return (
        system.plan_units(wanted["units"], units)
        + system.plan_packages(wanted["packages"], here)
        + system.plan_kernel(values, [system.kernel(key) for key in values])
        + system.plan_login_defs(read("/etc/login.defs"), wanted["login_defs"])
        + clock
    )


def plan(wanted: Mapping[str, Any]) -> Plan:
    """Return what makes this host the baseline, and what only a person can judge."""
    passwd, group = read("/etc/passwd"), read("/etc/group")
    everyone = people.accounts(passwd, read("/etc/shadow"))
    owners, groups = numbers(passwd), numbers(group)
    return (
        system.plan_groups(wanted["groups"], frozenset(groups.values()))
        + accounts_plan(everyone, wanted["accounts"])
        + Plan(findings=people.orphan_groups(group, everyone))
        + files_plan(wanted, owners, groups)
        + services_plan(wanted)
    )
