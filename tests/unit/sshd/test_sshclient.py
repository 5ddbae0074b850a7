"""A connection that is cut is tried again, a refusal is not, and both are told in words that help."""

from __future__ import annotations

from pathlib import Path

import pytest

from haechi import sshclient

CUT = "Connection closed by UNKNOWN port 65535"
# A stand-in for ssh(1): it counts its calls, and fails with the given words as often as it is told to.
FAKE = """#!/bin/sh
echo x >> {folder}/calls
[ "$(wc -l < {folder}/calls)" -gt {failures} ] && exit 0
printf '%s\\n' "{words}" >&2
exit 255
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def client(folder: Path, failures: int, words: str) -> None:
    """Put the stand-in where ssh is looked for."""
    script = folder / "ssh"
    script.write_text(FAKE.format(folder=folder, failures=failures, words=words))
    script.chmod(0o755)


def calls(folder: Path) -> int:
    """Return how often ssh was called."""
    return len((folder / "calls").read_text().splitlines())


def test_a_connection_that_is_cut_is_made_again(folder: Path) -> None:
    """One dropped connection among many at once is no failed host."""
    client(folder, 2, CUT)

    assert sshclient.ssh_patiently("", "web", "true").code == 0
    assert calls(folder) == 3


def test_a_refusal_is_asked_for_once_more_only(folder: Path) -> None:
    """Who is refused twice is refused: more tries would only be counted as an attack."""
    client(folder, 9, "ann@web: Permission denied (publickey).")

    answer = sshclient.ssh_patiently("", "web", "true")

    assert (answer.code, answer.last) == (255, "ann@web: Permission denied (publickey).")
    assert calls(folder) == 2


def test_no_patience_is_one_try(folder: Path) -> None:
    """A look ahead does not wait for what cannot come."""
    client(folder, 9, CUT)

    assert sshclient.ssh_patiently("", "web", "true", patience=0.0).code == 255
    assert calls(folder) == 1


def test_the_end_of_the_way_is_told_with_its_cause() -> None:
    """Behind a jump host ssh's last line says only that the way ended; the line before says why."""
    assert sshclient.Answer(255, "", f"banner\nSystem is booting up.\n{CUT}\n").last == f"System is booting up.; {CUT}"
    assert sshclient.Answer(255, "", "banner\nNo route to host\n").last == "No route to host"
    assert sshclient.Answer(3, "", "\n").last == "exit code 3"


def test_who_answers_too_late_is_asked_a_second_time(folder: Path) -> None:
    """The whole patience went into one try; what was on the way may be gone now."""
    client(folder, 9, "Connection timed out during banner exchange")
    script = folder / "ssh"
    script.write_text(script.read_text().replace("exit 255", "sleep 0.2; exit 255"))

    assert sshclient.ssh_patiently("", "web", "true", patience=0.1).code == 255
    assert calls(folder) == 2
