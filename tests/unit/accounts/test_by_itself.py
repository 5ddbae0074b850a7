"""A host that denied a leaver before anybody came: what counts there in place of an accepted key, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from haechi import offboard

from .test_offboard import PROOF

HANA = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBVPBJhpNsMMFlqRRGs5Pn0Wtj8hgHSAYEOe1ZnQ3FfR hana"
HANA_S = "SHA256:OfhjmB8nZxLXvY8dTfGhQ46H6fX6ncVHou8J3eaDUFg"


@pytest.mark.parametrize(
    ("told", "itself"),
    [
        ({"by_itself": {"list": 7, "at": "2026-11-26T09:00:00+00:00", "keys": [HANA_S]}}, True),
        (
            {"by_itself": {"list": 3, "at": "2025-01-01T09:00:00+00:00", "keys": ["SHA256:of-an-earlier-employment"]}},
            False,
        ),
        ({"by_itself": {"list": 7, "at": "2026-11-26T09:00:00+00:00", "keys": []}}, False),
        ({}, False),
    ],
)
def test_a_host_that_denied_by_itself_says_which_key_had_opened_it(told: dict[str, Any], *, itself: bool) -> None:
    """It was off while everybody else was asked; her key of today must be among those that it shut out."""
    assert offboard.by_itself(told, [HANA]) is itself
    again = {**PROOF, "before": {"person": "refused"}, "by_itself": itself}

    assert offboard.status(again)[0] == ("denied" if itself else "unknown")


def test_that_a_host_denied_by_itself_excuses_nothing_else() -> None:
    """Her key must be refused now, a colleague's accepted, and the host must confirm."""
    first = {**PROOF, "before": {"person": "refused"}, "by_itself": True}
    for lack in (
        {"after": {"person": "refused", "canary": "refused"}},
        {"after": {"person": "accepted", "canary": "accepted"}},
    ):
        assert offboard.status({**first, **lack})[0] == "unknown"
