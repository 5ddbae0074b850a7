"""Bring packages to a host in the course of an action."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.plugins.action import ActionBase

APT = "ansible.builtin.apt"


def install(action: ActionBase, names: Iterable[str], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return apt's result; the package lists are fetched only where the names are not known without."""
    wanted = {"name": [*names], "install_recommends": False}
    seen: dict[str, Any] = action._execute_module(module_name=APT, module_args=wanted, task_vars=variables)  # noqa: SLF001 - as an action does
    if not seen.get("failed"):
        return seen
    fresh = wanted | {"update_cache": True}
    again: dict[str, Any] = action._execute_module(module_name=APT, module_args=fresh, task_vars=variables)  # noqa: SLF001 - as above
    return again
