"""Jobs: where they reach, and what they may run."""

from __future__ import annotations

import re
from collections.abc import Iterable

from haechi.policy.models import Kind, Policy, SudoRule
from haechi.policy.problems import Path, Problem, Where, did_you_mean, shown
from haechi.policy.resolve import ALL

# Whoever is in one of these is root by one command, whatever sudo says.
AS_GOOD_AS_ROOT = {"root", "shadow", "disk", "kmem", "docker", "lxd", "incus", "libvirt"}
PROGRAM = re.compile(r"/[A-Za-z0-9_./@+-]*[A-Za-z0-9_@+-]")


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of jobs."""
    known = {*policy.hosts, *policy.zones, ALL}
    for name, job in policy.jobs.items():
        for index, host in enumerate(job.hosts):
            if host not in known:
                path: Path = ("jobs", name, "hosts", index)
                yield where.problem(path, f"{host} is no host and no zone", did_you_mean(host, known))
        for index, group in enumerate(job.groups):
            if group in AS_GOOD_AS_ROOT:
                what = f"group {group} makes its members root"
                yield where.problem(("jobs", name, "groups", index), what, "give exact sudo commands instead")
        for index, rule in enumerate(job.sudo):
            yield from _rule(policy, where, ("jobs", name, "sudo", index), rule)


def _rule(policy: Policy, where: Where, path: Path, rule: SudoRule) -> Iterable[Problem]:
    others = [i.id for i in policy.identities if path[1] in i.jobs and i.kind is not Kind.AUTOMATION]
    if "ALL" in rule.commands and rule.nopasswd and others:
        what = f"NOPASSWD: ALL for {', '.join(others)}, not automation"
        yield where.problem((*path, "commands"), what, "list the exact commands of the job")
    for number, command in enumerate(rule.commands):
        if command != "ALL":
            yield from _command(where, (*path, "commands", number), command)


def _command(where: Where, path: Path, command: str) -> Iterable[Problem]:
    fault = command_fault(command)
    if fault:
        yield where.problem(path, *fault)


def command_fault(command: str) -> tuple[str, str] | None:
    """Return what is wrong with a command as sudo would take it, and how to mend it; None where it is exact."""
    program = command.split(maxsplit=1)[0] if command.split() else ""
    if not program.startswith("/"):
        return f"{shown(command)} has no full path", "begin it with /"
    if program.endswith("/"):
        what = f"{shown(command)} is a folder; sudo would allow every program in it"
        return what, "write out each command that the job needs"
    if any(mark in command for mark in "*?["):
        what = f"{shown(command)} has a wildcard; sudo lets it match any further arguments"
        return what, "write out each command that the job needs"
    if not PROGRAM.fullmatch(program) or "/../" in program:
        return f"{shown(program)} is no plain path of a program", "write it as in /usr/bin/systemctl"
    return None
