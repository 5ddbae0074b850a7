"""The host's half of ``haechi.guard.posture``: start the probes, look, and tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.posture.probes import Probes


def perform(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:  # noqa: ARG001 - looking is all it does
    """Return the posture document and the probes with their results."""
    probes = Probes(asked["probes"])
    # What a firewall drops takes a second to be known. Meanwhile the rest is read: fifty files, compiled on the way.
    from ansible_collections.haechi.guard.plugins.module_utils.posture import collect  # noqa: PLC0415
    from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import Question  # noqa: PLC0415

    question = Question(*(tuple(asked[name]) for name in ("users", "sysctl", "skip", "knock")))
    seen = collect.observation(question, asked["subject"], asked["nonce"])
    return {"changed": False, "observation": seen, "probes": probes.results()}
