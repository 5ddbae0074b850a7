"""The host's half of ``haechi.guard.posture``: start the probes, look, and tell."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.probe.attempts import Attempts
from ansible_collections.haechi.guard.plugins.module_utils.probe.tries import make


def perform(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:  # noqa: ARG001 - looking is all it does
    """Return the posture document, the probes with their results, and what came of the tries."""
    with ThreadPoolExecutor(2) as pool:
        probes, tries = pool.submit(Attempts(asked["probes"]).make), pool.submit(make, asked["tries"])
        # What a firewall drops takes seconds to be known. Meanwhile the rest is read: fifty files, compiled on the way.
        from ansible_collections.haechi.guard.plugins.module_utils.posture import collect  # noqa: PLC0415
        from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import Question  # noqa: PLC0415

        lists = {name: tuple(asked[name]) for name in ("users", "sysctl", "skip", "knock")}
        question = Question(**lists, edge=asked["edge"])
        seen = collect.observation(question, asked["subject"], asked["nonce"])
        return {"changed": False, "observation": seen, "probes": probes.result(), "tries": tries.result()}
