"""Bring packages to a host in the course of an action."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.plugins.action import ActionBase

APT = "ansible.builtin.apt"


def bring(action: ActionBase, ask: Callable[[], dict[str, Any]], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Ask a host; bring the packages that it lacks, and ask again. Return its last answer, or apt's failure."""
    seen = ask()
    lacking = seen.pop("lacking", None)
    if not lacking:
        return seen
    installed = install(action, lacking, variables)
    if installed.get("failed"):
        return installed
    brought = [f"package {name}: absent -> installed" for name in lacking]
    again = ask()
    return again | {"changed": True, "changes": [*brought, *again.get("changes", [])]}


def install(action: ActionBase, names: Iterable[str], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return apt's result; the package lists are fetched only where the names are not known without."""
    wanted = {"name": [*names], "install_recommends": False}
    seen: dict[str, Any] = action._execute_module(module_name=APT, module_args=wanted, task_vars=variables)  # noqa: SLF001 - as an action does
    if not seen.get("failed"):
        return seen
    fresh = wanted | {"update_cache": True}
    again: dict[str, Any] = action._execute_module(module_name=APT, module_args=fresh, task_vars=variables)  # noqa: SLF001 - as above
    return again
