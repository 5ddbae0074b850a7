"""The part of an enrolment that runs on a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.mfa import enrol

TEXT = 'SEED\n" RATE_LIMIT 5 30\n" WINDOW_SIZE 1\n" DISALLOW_REUSE\n" TOTP_AUTH\n'
NOTED = 'SEED\n" RATE_LIMIT 5 30 1796000000 1796000010\n" WINDOW_SIZE 1\n" DISALLOW_REUSE 59866666\n" TOTP_AUTH\n'


def asked(folder: Path, do: str, person: str = "ann", text: str = TEXT, *, again: bool = False) -> dict[str, Any]:
    request = {"do": do, "person": person, "text": text, "again": again, "nonce": "n"}
    return enrol.answer(request, folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "haechi" / "mfa"


def test_a_seed_is_placed_for_root_alone(folder: Path) -> None:
    """Nothing else is left in the folder."""
    assert asked(folder, "look") == {"state": "absent"}
    assert asked(folder, "place") == {"state": "placed"}
    assert asked(folder, "look") == {"state": "present"}
    assert (folder / "ann").read_text() == TEXT
    assert (folder / "ann").stat().st_mode & 0o7777 == 0o600
    assert folder.stat().st_mode & 0o7777 == 0o700
    assert [path.name for path in folder.iterdir()] == ["ann"]


def test_a_seed_is_on_the_disk_with_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file first, and the folder when the name is in it (fsync(2))."""
    told: list[tuple[str, list[str]]] = []

    def fsync(handle: int) -> None:
        seen = Path(f"/proc/self/fd/{handle}").readlink()
        told.append((seen.name, sorted(path.name for path in seen.iterdir())) if seen.is_dir() else (seen.name, []))

    monkeypatch.setattr(enrol.os, "fsync", fsync)
    asked(folder, "place")

    assert told == [(".ann.new", []), ("mfa", ["ann"])]


def test_what_pam_noted_stays_unless_the_person_is_enrolled_again(folder: Path) -> None:
    """A second enrolment needs an approval, which the controller has checked."""
    asked(folder, "place", text=NOTED)

    assert asked(folder, "place", text="OTHER\n") == {"state": "kept"}
    assert (folder / "ann").read_text() == NOTED
    assert asked(folder, "place", text="OTHER\n", again=True) == {"state": "placed"}
    assert (folder / "ann").read_text() == "OTHER\n"


def test_another_host_gets_the_seed_without_what_was_noted_here(folder: Path) -> None:
    """A code used here is not used there, and a limit that was reached here is not reached there."""
    asked(folder, "place", text=NOTED)
    told = asked(folder, "give")

    assert told["state"] == "present"
    assert sorted(told["text"].splitlines()) == sorted(TEXT.splitlines())
    assert told["text"].startswith("SEED\n")


@pytest.mark.parametrize("person", ["../ann", "", "ann.", "Ann", "-x", "a" * 33])
def test_a_name_that_is_no_account_s_is_refused(folder: Path, person: str) -> None:
    """A path out of the folder would be written as root."""
    with pytest.raises(ValueError, match="no name of an account"):
        asked(folder, "place", person)
    assert not folder.exists()
