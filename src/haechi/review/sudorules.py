"""Which rules of sudo apply to an account: the host's, as ``cvtsudoers`` read them, and policy's. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from haechi.observe.posture import UnknownError
from haechi.observe.sections import Account, Sudo
from haechi.policy.models import SudoRule

ALL = "ALL"
PLAIN = {"username", "usergroup", "userid", "usergid", "negated"}


def whole(sudo: Sudo) -> Sudo:
    """Return the section where all rules were read.

    Raises ``UnknownError`` where visudo refuses them, or not even root's was found.
    """
    if not sudo.valid:
        raise UnknownError("sudo: visudo refuses the rules, so nobody knows which hold")
    if not sudo.rules:
        raise UnknownError("sudo: no rule was read, not even root's")
    return sudo


def of(sudo: Sudo | None, name: str, row: Account | None, groups: Iterable[str]) -> tuple[str, ...]:
    """Return the rules of an account, one text a command: ``(root) NOPASSWD: /usr/bin/id ""``.

    Taken at their widest: a rule for some hosts holds here, and one that another takes back holds too.
    """
    groups = set(groups)
    found = [
        text for rule in (sudo.rules if sudo else ()) if _speaks_of(rule, name, row, groups) for text in _texts(rule)
    ]
    return tuple(sorted(set(found)))


def subjects(sudo: Sudo | None) -> tuple[str, ...]:
    """Return the accounts that rules name."""
    found = [str(entry["username"]) for entry in _users(sudo) if _is(entry, "username")]
    return tuple(dict.fromkeys(name for name in found if name != ALL))


def strangers(sudo: Sudo | None) -> tuple[str, ...]:
    """Return whom rules name in other ways than by account or group: nobody here can tell who that is."""
    odd = [entry for entry in _users(sudo) if not (isinstance(entry, Mapping) and set(entry) <= PLAIN)]
    return tuple(dict.fromkeys(str(entry) for entry in odd))


def wanted(rules: Iterable[SudoRule]) -> tuple[str, ...]:
    """Return policy's rules in the same texts. A reading of its own, not the role's."""
    found = []
    for rule in rules:
        tag = "NOPASSWD: " if rule.nopasswd else ""
        who = "ALL:ALL" if rule.commands == (ALL,) and rule.run_as == "root" else rule.run_as
        found += [f"({who}) {tag}{_command(command)}" for command in rule.commands]
    return tuple(sorted(set(found)))


def _command(text: str) -> str:
    words = text.split()
    # A command without arguments allows none where policy says so, which sudoers writes as "" (sudoers(5)).
    return " ".join(words) if len(words) > 1 or words == [ALL] else f'{words[0]} ""'


def _users(sudo: Sudo | None) -> Iterator[Any]:
    for rule in sudo.rules if sudo else ():
        yield from _list(rule.get("User_List"))


def _is(entry: Any, kind: str) -> bool:
    return isinstance(entry, Mapping) and kind in entry and not entry.get("negated")


def _speaks_of(rule: Mapping[str, Any], name: str, row: Account | None, groups: set[str]) -> bool:
    numbers = {str(row.uid)} if row else set()
    for entry in _list(rule.get("User_List")):
        if _is(entry, "username") and str(entry["username"]) in ({name, ALL} if row else {name}):
            return True
        if _is(entry, "usergroup") and str(entry["usergroup"]) in groups:
            return True
        if _is(entry, "userid") and str(entry["userid"]) in numbers:
            return True
        if _is(entry, "usergid") and row is not None and str(entry["usergid"]) == str(row.gid):
            return True
    return False


def _texts(rule: Mapping[str, Any]) -> Iterator[str]:
    for spec in _list(rule.get("Cmnd_Specs")):
        if not isinstance(spec, Mapping):
            continue
        users = _names(spec.get("runasusers")) or "root"
        groups = _names(spec.get("runasgroups"))
        who = f"({users}:{groups})" if groups else f"({users})"
        tags = "NOPASSWD: " if {"authenticate": False} in _list(spec.get("Options")) else ""
        for command in _list(spec.get("Commands")):
            yield f"{who} {tags}{_told(command)}"


def _names(entries: Any) -> str:
    return ",".join(_name(entry) for entry in _list(entries))


def _name(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return str(entry)
    kinds = {"username": "", "usergroup": "", "userid": "#", "usergid": "#"}
    return next((f"{sign}{entry[kind]}" for kind, sign in kinds.items() if kind in entry), str(dict(entry)))


def _told(command: Any) -> str:
    if not isinstance(command, Mapping) or "command" not in command:
        return str(command)
    text = " ".join(str(command["command"]).replace("\\", "").split())
    return f"!{text}" if command.get("negated") else text


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
