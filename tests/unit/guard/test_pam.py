"""What a PAM change asks of the profiles that it enables, in a root folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.guard import pam, subsystem
from ansible_collections.haechi.guard.plugins.module_utils.guard.files import File
from ansible_collections.haechi.guard.plugins.module_utils.guard.refusal import RefusedError

STACKS = ("auth", "account", "password", "session", "session-noninteractive")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a host without libpam-pwquality whose stacks hold pam_faillock."""
    for folder in ("etc/pam.d", "usr/share/pam-configs", "var/lib/pam"):
        (tmp_path / folder).mkdir(parents=True)
    for stack in STACKS:
        (tmp_path / f"etc/pam.d/common-{stack}").write_text("auth required pam_faillock.so preauth\n")
    (tmp_path / "usr/share/pam-configs/ours").write_text("Auth:\n\trequired\tpam_faillock.so preauth\n")
    (tmp_path / "etc/pam.d/sshd").write_text("@include common-account\n")
    monkeypatch.setattr(pam, "ROOT", tmp_path)
    monkeypatch.setattr(pam, "CANDIDATE", tmp_path / "etc/pam.d/haechi-candidate")
    monkeypatch.setattr(pam, "must", lambda *_: "")
    monkeypatch.setattr(pam, "run", lambda _: subsystem.Done(0, "", ""))
    return tmp_path


@pytest.mark.usefixtures("root")
def test_a_look_ahead_does_without_a_package_s_profile() -> None:
    """The package that brings it is not installed by a check, either."""
    pam.Pam({"enable": ["ours", "pwquality"]}, {}, check=True).validate([])


@pytest.mark.usefixtures("root")
def test_a_change_names_a_profile_that_is_absent() -> None:
    """In words, and before anything is changed."""
    with pytest.raises(RefusedError, match="no PAM profile pwquality: install the package; nothing was changed"):
        pam.Pam({"enable": ["ours", "pwquality"]}, {}).validate([])


def test_a_stack_edited_by_hand_is_told(root: Path) -> None:
    """A profile whose module pam-auth-update left out is no success, in a look ahead neither."""
    for stack in STACKS:
        (root / f"etc/pam.d/common-{stack}").write_text("")
    with pytest.raises(RefusedError, match=r"would not add pam_faillock\.so: .* was edited by hand"):
        pam.Pam({"enable": ["ours"]}, {}, check=True).validate([])


def test_a_profile_of_a_module_is_enabled_only_where_the_module_is(root: Path) -> None:
    """Each release has one of two modules; the profile of the other would call what is not there."""
    library = root / "usr/lib/x86_64-linux-gnu/security"
    library.mkdir(parents=True)
    (library / "pam_new.so").touch()
    where = {"enable": ["ours"], "enable_where": {"pam_new.so": "theirs", "pam_old.so": "old"}}

    assert pam.Pam(where, {})._update() == [["pam-auth-update", "--package", "--enable", "ours", "theirs"]]


def test_a_profile_that_another_change_took_out_is_found(root: Path) -> None:
    """Two changes of PAM share one memory of what ran: each must miss its own modules by itself."""
    whole = pam.Pam({"enable": ["ours"]}, {}).fingerprint()
    for stack in STACKS:
        (root / f"etc/pam.d/common-{stack}").write_text("auth required pam_unix.so\n")
    bare = pam.Pam({"enable": ["ours"]}, {}).fingerprint()

    assert "without" not in str(whole)
    assert str(bare).endswith(" without pam_faillock.so")


def test_the_candidate_s_stack_reads_the_candidate_s_files(root: Path) -> None:
    """What the stack calls is not in its place before the change; asked there, it would shut everybody out."""
    new = [File("/etc/haechi/mfa-window", b"ann 1\n"), File("/etc/gone", None)]
    stack = "account required pam_exec.so /bin/sh /usr/x.sh /etc/haechi/mfa-window\naccount required y.so /etc/gone\n"
    expected = stack.replace("/etc/haechi", f"{root}/etc/haechi")

    assert pam._beside(stack, new, root) == expected
