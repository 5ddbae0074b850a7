"""Whom the guard counts as able to answer a second question."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.guard import people

PAM = "auth [success=end default=die] pam_google_authenticator.so\n"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a host on which PAM asks for codes and nobody has any."""
    (tmp_path / "seeds").mkdir()
    (tmp_path / "common-auth").write_text(PAM)
    for name, file in (("SEEDS", "seeds"), ("WINDOW", "window"), ("COMMON_AUTH", "common-auth")):
        monkeypatch.setattr(people, name, tmp_path / file)
    return tmp_path


def test_nobody_answers_before_enrolment(host: Path) -> None:
    """So a change that asks for codes is refused, and nobody is locked out."""
    assert not people._can_answer("ann", ahead=False)
    (host / "seeds/ann").touch()
    assert people._can_answer("ann", ahead=False)
    assert not people._can_answer("bob", ahead=False)


def test_codes_are_no_answer_where_pam_does_not_ask_for_them(host: Path) -> None:
    """It would ask for a password, which nobody has."""
    (host / "seeds/ann").touch()
    (host / "common-auth").write_text("auth required pam_unix.so\n")

    assert not people._can_answer("ann", ahead=False)


def test_a_look_ahead_does_not_wait_for_pam_s_own_change(host: Path) -> None:
    """`--check` on a fresh host would call everybody with codes locked out, before PAM was told to ask."""
    (host / "common-auth").write_text("auth required pam_unix.so\n")

    assert people._can_answer("ann", ahead=True)
    (host / "common-auth").write_text(PAM)
    assert not people._can_answer("ann", ahead=True)


@pytest.mark.parametrize(("now", "is_open"), [(99.0, True), (100.0, False), (101.0, False)])
def test_the_window_ends_with_its_second(host: Path, now: float, *, is_open: bool) -> None:
    """As the script that PAM calls has it."""
    (host / "window").write_text("# head\nann 100 # 2026-12-31\nbob soon\n")

    assert people.window_open("ann", now) is is_open
    assert not people.window_open("bob", now)
    assert not people.window_open("eve", now)
