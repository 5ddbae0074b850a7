"""The doors that policy does not have: other files, other groups, the command line; and hosts that no door leads to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml

from haechi.policy.models import Policy
from haechi.policy.problems import Problem, Where, did_you_mean, shown
from haechi.policy.yamlfile import compose

FOLDER = "group_vars/all/policy"
NAMES = frozenset(info.alias or name for name, info in Policy.model_fields.items())
ONLY_HERE = f"policy has one door: set it in {FOLDER} and nowhere else"
SUFFIXES = {".yml", ".yaml", ".json", ""}  # what Ansible reads as variables
MANAGED = "managed"
INVENTORIES = ("*.yml", "*.yaml")


def policy_files(inventory: Path) -> list[Path]:
    """Return the files that make up the policy."""
    folder = inventory / FOLDER
    return sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")])


def other_doors(inventory: Path, extra_vars: Mapping[str, object]) -> Iterable[Problem]:
    """Yield a problem for each policy name that is set where it has no effect."""
    for name in sorted(NAMES & set(extra_vars)):
        yield Problem(file="-e", line=0, path=name, what=f"policy name {name} set on the command line", mend=ONLY_HERE)
    for path, node in _variable_files(inventory, ("host_vars/**/*", "group_vars/**/*", *INVENTORIES)):
        for name, line in _variables(node, vars_only=path.parent == inventory):
            if name in NAMES:
                file, what = str(path.relative_to(inventory)), f"policy name {name} set outside policy"
                yield Problem(file=file, line=line, path=name, what=what, mend=ONLY_HERE)
    yield from _stray(inventory)


def hosts(inventory: Path, policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield a problem for each managed host that stands only in the inventory, or only in policy."""
    wanted = {name for name, host in policy.hosts.items() if host.managed}
    found: dict[str, tuple[str, int]] = {}
    for path, node in _variable_files(inventory, INVENTORIES):
        found |= {name: (path.name, line) for name, line in _members(node, within=False)}
    if not found or any("[" in name for name in found):
        return
    for name, (file, line) in found.items():
        if name not in wanted:
            what = f"{shown(name)} is among the managed hosts and not in policy"
            yield Problem(file=file, line=line, path=shown(name), what=what, mend=did_you_mean(name, wanted))
    for name in wanted - set(found):
        what = f"no playbook would reach {name}: the group {MANAGED} does not hold it"
        yield where.problem(("servers", name), what, f"add it to {MANAGED} in hosts.yml, or say `managed: false` here")


def _stray(inventory: Path) -> Iterable[Problem]:
    read = set(policy_files(inventory))
    for path in sorted((inventory / FOLDER).rglob("*")):
        if path.is_file() and path not in read and path.name[0] != "." and path.suffix in SUFFIXES:
            what = "this file is not read: policy is the *.yml files of the folder itself"
            yield Problem(file=str(path.relative_to(inventory)), line=0, path="", what=what, mend="move or remove it")


def _variable_files(inventory: Path, patterns: Iterable[str]) -> Iterator[tuple[Path, yaml.Node | None]]:
    found = {path for pattern in patterns for path in inventory.glob(pattern)}
    for path in sorted(found):
        if not path.is_file() or path.suffix not in SUFFIXES or path.is_relative_to(inventory / FOLDER):
            continue
        try:
            yield path, compose(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, OSError, UnicodeDecodeError, RecursionError):
            continue  # Ansible itself refuses to start on it


def _pairs(node: yaml.Node | None) -> Iterator[tuple[str, int, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), key.start_mark.line + 1, value


def _variables(node: yaml.Node | None, *, vars_only: bool) -> Iterable[tuple[str, int]]:
    """Yield the variables of a vars file; of an inventory file those below a `vars:` or a host."""
    for name, line, value in _pairs(node):
        if not vars_only:
            yield name, line
        elif name == "vars":
            yield from _variables(value, vars_only=False)
        elif name == "hosts":
            for _host, _line, variables in _pairs(value):
                yield from _variables(variables, vars_only=False)
        else:
            yield from _variables(value, vars_only=True)


def _members(node: yaml.Node | None, *, within: bool) -> Iterable[tuple[str, int]]:
    """Yield the hosts of the managed group and of the groups in it."""
    for name, _line, value in _pairs(node):
        if name == "hosts":
            yield from ((host, place) for host, place, _ in _pairs(value) if within)
        elif name != "vars":
            yield from _members(value, within=within or name == MANAGED)
