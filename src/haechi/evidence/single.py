"""A run of one event that no playbook wrote: a person's document that was taken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from haechi.evidence import EvidenceError
from haechi.evidence.recorder import CARRIED, Event, Recorder


def write(
    verb: str,
    document: Mapping[str, Any],
    inventory: Path,
    told: tuple[str, str],
    record: tuple[str, Mapping[str, Any]],
) -> tuple[str, str]:
    """Write it as a playbook's run is written; return its name and what the second place lacks.

    ``document`` is that of ``haechi.runs.begin``, ``told`` the task and the module in words, ``record`` kind and body.
    Raises ``EvidenceError``.
    """
    recorder = Recorder(verb)
    recorder.begin(document, inventory, check=False)
    name = recorder.run
    kind, body = record
    carried = {CARRIED: [{"kind": kind, "body": dict(body)}]}
    recorder.saw(Event(task=told[0], host="site", module=told[1], outcome="ok", result=carried))
    recorder.close({})
    if recorder.problem:
        raise EvidenceError(recorder.problem)
    return name, recorder.warning
