"""The section of a posture about the signed list of who left."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime

from haechi.observe.shape import Section


class Held(Section):
    """The list that the host holds; ``why`` says why it may not be believed, and then the rest is nothing."""

    sequence: int
    issued: AwareDatetime | None
    expires: AwareDatetime | None
    people: tuple[str, ...]
    why: str


class Revocations(Section):
    """How the host hears who left by itself.

    ``config`` is what its program is told, empty where there is none; ``signers`` the SHA-256 of the file that says
    whom it believes. ``confirmed``: when the list was last said to be the newest. ``refused``: people who wait while it
    is stale. ``boot``: systemd's word for the unit that runs before sshd. ``alarms``: name to reason of every alarm of
    the host that stands. ``bare_key_from``: addresses from which the automation's keys count, "anywhere" among them
    where one says nothing.
    """

    config: dict[str, Any]
    signers: str
    held: Held | None
    confirmed: AwareDatetime | None
    refused: tuple[str, ...]
    timer: bool
    boot: str
    before_sshd: bool
    alarms: dict[str, str]
    bare_key_from: tuple[str, ...]
