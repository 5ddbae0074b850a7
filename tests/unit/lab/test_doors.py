"""Knocking at doors ends when it has been enough."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from haechi.demo import StoryError
from haechi.demo.doors import Answer, Doors
from haechi.policy.models import Policy


class Open(Doors):
    """Doors that never shut."""

    def knock(self, person: str, host: str) -> Answer:
        """Let her in."""
        assert (person, host) == ("hana", "db1")
        return Answer.ACCEPTED


def test_a_broken_off_story_does_not_knock_on(policy: Policy, tmp_path: Path) -> None:
    """After a Ctrl-C nobody waits a minute and a half for a host that was never told to refuse."""
    enough, began = threading.Event(), time.monotonic()
    threading.Timer(0.2, enough.set).start()

    with pytest.raises(StoryError, match="db1 still answers hana with `accepted`"):
        Open(policy=policy, inventory=tmp_path, keys=tmp_path, state=tmp_path).refused_after(
            "hana", "db1", began, enough
        )

    assert time.monotonic() - began < 5
