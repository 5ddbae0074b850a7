"""Sudo commands of people that are a shell by another name."""

from __future__ import annotations

from collections.abc import Iterable

from haechi.policy.escapes import escape
from haechi.policy.models import Kind, Policy
from haechi.policy.problems import Problem, Where, shown


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield commands by which a person would be root; automation is, and so is the sealed account."""
    for name, job in policy.jobs.items():
        kinds = {identity.kind for identity in policy.identities if name in identity.jobs}
        if kinds and kinds <= {Kind.AUTOMATION, Kind.BREAK_GLASS}:
            continue
        for index, rule in enumerate(job.sudo):
            for number, command in enumerate(rule.commands):
                found = escape(command)
                # NOPASSWD: ALL is told by name elsewhere.
                if found and not (command == "ALL" and rule.nopasswd):
                    path = ("jobs", name, "sudo", index, "commands", number)
                    what = f"{shown(command)} gives a shell: {found.why}"
                    yield where.problem(path, what, found.mend)
