"""Reading sudo's rules as `cvtsudoers -f json` writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def subjects(rule: Mapping[str, Any]) -> list[str]:
    """Return whom a rule speaks of: a name, ``%group``, or the whole entry where it is something rarer."""
    found = []
    for entry in items(rule.get("User_List")):
        name, group = (entry.get("username"), entry.get("usergroup")) if isinstance(entry, Mapping) else (None, None)
        plain = isinstance(entry, Mapping) and len(entry) == 1
        found.append(str(name) if plain and name else f"%{group}" if plain and group else str(entry))
    return found


def specs(rule: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what a rule allows, each with its commands and options."""
    return [spec for spec in items(rule.get("Cmnd_Specs")) if isinstance(spec, Mapping)]


def items(value: object) -> list[Any]:
    """Return a list, or an empty one for what is none."""
    return value if isinstance(value, list) else []
