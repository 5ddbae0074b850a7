"""A look at a host goes on past what it cannot see, waits for nothing, and asks exactly for what judges read."""

from __future__ import annotations

import errno
import subprocess
import time
import uuid
from functools import cached_property
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.posture import ask, collect
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import Answer, NotSeenError, Question

from haechi.observe.posture import Posture


def test_every_section_that_can_be_asked_for_is_collected() -> None:
    """The controller's door and the host's collectors name the same sections."""
    doors = {name for name, value in vars(Posture).items() if isinstance(value, cached_property)}

    assert set(collect.COLLECTORS) == doors


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NotSeenError("sshd does not say"), "sshd does not say"),
        (PermissionError(errno.EACCES, "Permission denied"), "PermissionError: [Errno 13] Permission denied"),
        (ValueError("bad\nnumber"), "ValueError: bad number"),
        (KeyError("User_Specs"), "KeyError: 'User_Specs'"),
    ],
)
def test_trouble_spoils_one_section(error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it comes at the start or later, the section is unknown with the reason and the others are seen."""

    def at_once(_: Question) -> ask.Reader:
        raise error

    def later() -> object:
        raise error

    monkeypatch.setattr(
        collect, "COLLECTORS", {"one": at_once, "two": lambda _: later, "three": lambda _: lambda: {"a": 1}}
    )

    assert collect.look(Question()) == {
        "one": {"unknown": reason},
        "two": {"unknown": reason},
        "three": {"seen": {"a": 1}},
    }


def test_names_in_other_bytes_can_be_written_down() -> None:
    """A file's name is bytes; what is no UTF-8 is shown by its numbers, and Korean stays Korean."""
    assert collect.plain({"한\udcff": ["a\udc80", 1, None]}) == {"한\\xff": ["a\\x80", 1, None]}
    assert collect.plain({"한글": "😀"}) == {"한글": "😀"}


def test_a_command_s_answer_is_its_output_or_a_reason() -> None:
    """A failure is told in the program's own words, and a long answer does not block the program."""
    assert ask.ask("printf", "a\nb").text() == "a\nb"
    assert len(ask.ask("head", "-c", "300000", "/dev/zero").text()) == 300000
    with pytest.raises(NotSeenError, match="sh -c echo no >&2; exit 3 failed: no"):
        ask.ask("sh", "-c", "echo no >&2; exit 3").text()
    with pytest.raises(FileNotFoundError):
        ask.ask("haechi-no-such-program")


def alive(mark: str) -> bool:
    """Return whether a process has a word among its arguments; one that was killed may take a moment to go."""
    return subprocess.run(["pgrep", "-f", mark], capture_output=True, check=False).returncode == 0


def test_a_command_that_hangs_is_ended_with_its_children() -> None:
    """Nothing that a start-up file of root does can hold up an audit."""
    mark = f"30.{uuid.uuid4().int}"
    answer = Answer(("sh", "-c", f"sleep {mark} & sleep {mark}"), 0.2)

    for _ in range(2):
        with pytest.raises(NotSeenError, match="sh -c did not answer in time"):
            answer.text()
    assert any(not alive(mark) or time.sleep(0.1) for _ in range(100))


def test_absent_files_and_folders_are_empty_and_bounds_hold(tmp_path: Path) -> None:
    """What is not there is told from what cannot be read."""
    (tmp_path / "b").write_text("0123456789")
    (tmp_path / "a").write_text("")

    assert (ask.names(str(tmp_path)), ask.names(str(tmp_path / "none"))) == (["a", "b"], [])
    assert (ask.read(str(tmp_path / "b"), 4), ask.read_if(str(tmp_path / "none"))) == ("0123", "")
    with pytest.raises(OSError, match="Is a directory"):
        ask.read_if(str(tmp_path))
