"""The host's half of ``haechi.guard.probe``: try what was asked, and tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.probe.tries import make


def perform(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:  # noqa: ARG001 - trying is all it does
    """Return what came of the tries."""
    return {"changed": False, "tries": make(asked["tries"])}
