"""Every automated control, broken for real on the standing lab: exactly the broken ones fail."""

from __future__ import annotations

import pytest
from rich.console import Console

from haechi.controls import all_controls

from . import breakers
from .conftest import Lab


@pytest.fixture(scope="module")
def outcome(lab: Lab) -> tuple[list[breakers.Row], list[str]]:
    """Break everything in batches, once for all tests here."""
    assert lab.inside("ops1", "true").returncode == 0
    return breakers.everything(Console(width=160), (), 100)


def test_every_automated_control_has_been_broken(outcome: tuple[list[breakers.Row], list[str]]) -> None:
    """A judge that was never seen to say no is no judge."""
    automated = {control.id for control in all_controls() if control.judge or control.site_judge}
    on_a_kernel_of_its_own = {"kernel-memory", "kernel-links", "kernel-network"}

    # Broken by the role's own tests, since no machine of the lab is hardware.
    elsewhere = {"firmware-current", "firmware-by-window"}

    assert {row.control for row in outcome[0]} == automated - on_a_kernel_of_its_own - elsewhere


def test_the_audit_catches_every_breaker_and_nothing_else(outcome: tuple[list[breakers.Row], list[str]]) -> None:
    """Broken says fail, mended says pass, and what nobody broke is left in peace."""
    rows, wrong = outcome

    assert wrong == []
    assert [row.control for row in rows if not row.caught] == []
