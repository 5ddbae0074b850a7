"""What a person reads while a playbook runs, and when the demo knocks at a door."""

from __future__ import annotations

import pytest

from haechi.demo.doors import answer
from haechi.progress import Step, Summary, closing, complaint, title


def test_a_step_is_one_line_with_all_that_went_wrong() -> None:
    """Nothing that failed is left out."""
    step = Step("sshd: Change it", 10.0, ok={"a"}, changed={"b", "c"}, failed={"d"}, unreachable={"e"})

    assert step.line(12.5) == "  sshd: Change it: 5 hosts, 2 changed (b c), 1 failed (d), 1 unreachable (e), 2.5 s"


def test_a_step_that_was_skipped_everywhere_is_no_line() -> None:
    """Silence means that nothing was done."""
    assert Step("sshd: Change it", 10.0).line(12.5) is None


def test_a_failure_says_everything_the_task_said_once() -> None:
    """The reason may stand in any of a result's texts."""
    result = {"msg": "No.", "stderr": "why\nreally", "stdout": "No.", "changed": False}

    assert complaint("db1", "FAILED", result) == "    db1 FAILED: No.\n      why\n      really"
    assert complaint("db1", "FAILED", {}) == "    db1 FAILED: no reason was given"


@pytest.mark.parametrize(
    ("task", "role", "expected"),
    [
        ("haechi.guard.sshd : Change it", "haechi.guard.sshd", "sshd: Change it"),
        ("Change it", None, "Change it"),
    ],
)
def test_a_task_is_named_after_its_role(task: str, role: str | None, expected: str) -> None:
    """The collection's name would say nothing."""
    assert title(task, role) == expected


def test_the_last_line_names_who_failed() -> None:
    """A run with a failure never looks like one without."""
    good = Summary(hosts=["a", "b"], changed=3, failed=[], unreachable=[], seconds=4.2)
    bad = Summary(hosts=["a", "b"], changed=0, failed=["a"], unreachable=["b"], seconds=4.2)

    assert closing(good) == "2 hosts, 3 changes, nothing failed, 4.2 s"
    assert closing(bad) == "2 hosts, 0 changes, FAILED: a; UNREACHABLE: b, 4.2 s"


@pytest.mark.parametrize(
    ("code", "errors", "expected"),
    [
        (0, "", "accepted"),
        (255, "hana@10.77.30.11: Permission denied (publickey).", "refused"),
        (255, "ssh: connect to host 10.77.30.11 port 22: Connection timed out", "unknown"),
        (255, "Connection reset by 10.77.30.11 port 22", "unknown"),
        (1, "", "unknown"),
    ],
)
def test_only_sshd_s_own_refusal_is_one(code: int, errors: str, expected: str) -> None:
    """A time-out or a reset would let a broken network pass for a revoked person."""
    assert answer(code, errors) == expected


def test_ansible_s_own_steps_are_silent_while_they_go_well() -> None:
    """A check that every play makes is no news; its failure is."""
    assert Step("Validate", 0.0, ok={"a"}, quiet=True).line(1.0) is None
    assert Step("Validate", 0.0, ok={"a"}, failed={"b"}, quiet=True).line(1.0) == (
        "  Validate: 2 hosts, 1 failed (b), 1.0 s"
    )


def test_a_warning_is_said_once_with_all_who_gave_it() -> None:
    """Nine hosts that say the same are one line; `-v` shortens nothing."""
    step = Step("Look", 0.0, warnings={"w" * 200: {"b", "a"}})

    assert step.remarks(full=False) == [f"    a b: {'w' * 160} .. (all of it with -v)"]
    assert step.remarks(full=True) == [f"    a b: {'w' * 200}"]
