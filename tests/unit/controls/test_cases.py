"""Every automated control, judged on what real hosts showed and on what they would show if it did not hold."""

from __future__ import annotations

import pytest

from haechi.controls import all_controls
from haechi.controls.model import Status
from haechi.keylines import fingerprints

from . import stored, world

CASES = stored.all_cases()
AUTOMATED = [control.id for control in all_controls() if world.is_automated(control)]


# What is said of one host is not asked of the other in `make check`.
FIRST = {(given.control.id, given.name): given for given in reversed(CASES)}
MARKED = [
    pytest.param(given, marks=() if FIRST[given.control.id, given.name] is given else pytest.mark.exhaustive)
    for given in CASES
]


@pytest.mark.parametrize("given", MARKED, ids=str)
def test_a_judge_says_what_the_case_says(given: stored.Given) -> None:
    """The expectation stands in the file, not in the product."""
    verdict = world.judged(given.control, given.opened())

    assert given.status == verdict.status, verdict.seen
    assert given.seen in verdict.seen


@pytest.mark.parametrize("control", AUTOMATED)
def test_a_control_is_seen_to_hold_and_to_fail(control: str) -> None:
    """A judge that was never seen to say no is no judge, and one that never says yes is none either."""
    said = {given.status for given in CASES if given.control.id == control}

    assert {"pass", "fail"} <= said or {"not_applicable", "fail"} <= said


def test_every_file_is_of_an_automated_control() -> None:
    """A file under a misspelt name would test nothing."""
    assert sorted(AUTOMATED) == [path.stem for path in stored.files()]
    assert {path.suffix for path in stored.files()} == {".yml"}


def test_cases_say_what_they_expect() -> None:
    """A case expects a status of the product, and a sight that is more than a letter."""
    assert {given.status for given in CASES} <= {str(status) for status in Status}
    assert [str(given) for given in CASES if len(given.seen) < 3] == []


def test_case_names_are_unique() -> None:
    """Two tests of one name hide each other in a report."""
    names = [str(given) for given in CASES]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("host", world.HOSTS)
def test_nothing_fails_on_a_host_as_it_was_seen(host: str) -> None:
    """What the roles made is what the judges want: on real hosts every control holds, or says nothing about them.

    Nobody had enrolled then, and within the window that is waived, never a pass; and nobody says they are hardware.
    """
    case = world.opened(host, world.answer(host))
    controls = [control for control in all_controls() if control.judge and control.scope == "host"]
    said = {control.id: world.judged(control, case) for control in controls}

    assert {name: str(v.status) for name, v in said.items() if v.status not in {"pass", "not_applicable"}} == {
        "factor-required": "waived",
        "factor-enrolled": "waived",
        "factor-sudo-asks": "waived",
        "firmware-current": "manual",
    }


def test_a_fingerprint_is_the_one_that_ssh_keygen_prints() -> None:
    """The judges' own reading of keys, checked against ``ssh-keygen -l``."""
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBVPBJhpNsMMFlqRRGs5Pn0Wtj8hgHSAYEOe1ZnQ3FfR stranger"

    assert [*fingerprints([line])] == ["SHA256:OfhjmB8nZxLXvY8dTfGhQ46H6fX6ncVHou8J3eaDUFg"]
    assert [world.print_of("jisoo")] == [*fingerprints([f"ssh-ed25519 {world.key('jisoo')} jisoo@lab"])]
