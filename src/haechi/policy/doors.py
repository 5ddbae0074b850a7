"""The doors that policy does not have: other files, other groups, the command line; and hosts that no door leads to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
VARIABLES = ("host_vars/**/*", "group_vars/**/*")


@dataclass(frozen=True)
class File:
    """A file as it was read; ``name`` is relative to the inventory, and ``fault`` says why there is no text."""

    name: str
    text: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Files:
    """All that is read of an inventory folder: equal ones are judged alike.

    ``policy`` are the files of the door, ``inventories`` those that name hosts, ``variables`` what else Ansible reads,
    and ``stray`` the names of files beside policy's that nobody reads. ``lab`` tells that `haechi lab up` makes keys.
    """

    policy: tuple[File, ...]
    inventories: tuple[File, ...]
    variables: tuple[File, ...]
    stray: tuple[str, ...]
    lab: bool


def files(inventory: Path) -> Files:
    """Read the files of an inventory folder; never raises."""
    folder = inventory / FOLDER
    names = sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")])
    beside = set(folder.rglob("*")) - set(names)
    rest = {path for pattern in VARIABLES for path in inventory.glob(pattern)} - beside - set(names)
    return Files(
        policy=tuple(_file(inventory, path) for path in names),
        inventories=tuple(_ansible(inventory, {path for pattern in INVENTORIES for path in inventory.glob(pattern)})),
        variables=tuple(_ansible(inventory, rest)),
        stray=tuple(_name(inventory, path) for path in sorted(beside) if _is_stray(path)),
        lab=(inventory / "group_vars/all/lab.yml").is_file(),
    )


def other_doors(read: Files, extra_vars: Iterable[str]) -> Iterable[Problem]:
    """Yield a problem for each policy name that is set where it has no effect."""
    for name in sorted(NAMES & set(extra_vars)):
        yield Problem(file="-e", line=0, path=name, what=f"policy name {name} set on the command line", mend=ONLY_HERE)
    for found, vars_only in ((read.variables, False), (read.inventories, True)):
        for file, node in _composed(found):
            for name, line in _variables(node, vars_only=vars_only):
                if name in NAMES:
                    what = f"policy name {name} set outside policy"
                    yield Problem(file=file, line=line, path=name, what=what, mend=ONLY_HERE)
    for stray in read.stray:
        what = "this file is not read: policy is the *.yml files of the folder itself"
        yield Problem(file=stray, line=0, path="", what=what, mend="move or remove it")


def hosts(read: Files, policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield a problem for each managed host that stands only in the inventory, or only in policy."""
    wanted = {name for name, host in policy.hosts.items() if host.managed}
    found: dict[str, tuple[str, int]] = {}
    for file, node in _composed(read.inventories):
        found |= {name: (file, line) for name, line in _members(node, within=False)}
    if not found or any("[" in name for name in found):
        return
    for name, (file, line) in found.items():
        if name not in wanted:
            what = f"{shown(name)} is among the managed hosts and not in policy"
            yield Problem(file=file, line=line, path=shown(name), what=what, mend=did_you_mean(name, wanted))
    for name in wanted - set(found):
        what = f"no playbook would reach {name}: the group {MANAGED} does not hold it"
        yield where.problem(("servers", name), what, f"add it to {MANAGED} in hosts.yml, or say `managed: false` here")


def _name(inventory: Path, path: Path) -> str:
    return str(path).removeprefix(f"{inventory}/")


def _file(inventory: Path, path: Path) -> File:
    name = _name(inventory, path)
    try:
        return File(name, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return File(name, fault=str(error))


def _ansible(inventory: Path, paths: Iterable[Path]) -> Iterator[File]:
    """Yield the files that Ansible reads as variables."""
    for path in sorted(paths):
        if path.suffix in SUFFIXES and path.is_file():
            yield _file(inventory, path)


def _is_stray(path: Path) -> bool:
    return path.name[0] != "." and path.suffix in SUFFIXES and path.is_file()


def _composed(found: Iterable[File]) -> Iterator[tuple[str, yaml.Node | None]]:
    for file in found:
        try:
            yield file.name, compose(file.text)
        except (yaml.YAMLError, RecursionError, ValueError):
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
