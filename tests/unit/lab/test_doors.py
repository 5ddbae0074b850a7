"""Knocking at doors ends when it has been enough."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from haechi.demo import StoryError
from haechi.demo.doors import Answer, Doors
from haechi.policy.models import Policy


def test_a_broken_off_story_does_not_knock_on(policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a Ctrl-C nobody waits a minute and a half for a host that was never told to refuse."""
    enough, knocks = threading.Event(), []

    def knock(_: Doors, person: str, host: str) -> Answer:
        knocks.append((person, host))
        enough.set()
        return Answer.ACCEPTED

    monkeypatch.setattr(Doors, "knock", knock)
    doors = Doors(policy=policy, inventory=tmp_path, keys=tmp_path, state=tmp_path)
    with pytest.raises(StoryError, match="db1 still answers hana with `accepted`"):
        doors.refused_after("hana", "db1", time.monotonic(), enough)

    assert knocks == [("hana", "db1")]
