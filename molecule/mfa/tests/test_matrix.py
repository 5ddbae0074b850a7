"""The factor matrix: each combination of what a person has, tried by a real client."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from conftest import SEEDS, TWICE, Door, code_of_now, got_in


def test_a_security_key_with_its_pin_gets_in(door: Door) -> None:
    """The positive control of the three below."""
    assert got_in(door.with_device("fay"), "fay")


@pytest.mark.parametrize(
    ("touched", "verified"), [(True, False), (False, True), (False, False)], ids=["touch-only", "pin-only", "neither"]
)
def test_a_signature_without_touch_or_pin_is_refused(door: Door, *, touched: bool, verified: bool) -> None:
    """Whoever steals the device has no PIN; malware that knows the PIN has no finger."""
    since = door.moment()

    assert not got_in(door.with_device("fay", touched=touched, verified=verified), "fay")
    lacking = "user verification requirement" if touched else "user presence (authenticator touch) requirement"
    assert f"{lacking} not met" in door.logged(since)


def test_a_plain_key_is_not_even_taken_from_whoever_has_a_security_key(door: Door) -> None:
    """The private half alone, as one without a device would have it, beside the right one in the file of keys."""
    plain = door.folder / "fay"
    shutil.copy(door.keys / "fay", plain)
    public = subprocess.run(["ssh-keygen", "-y", "-f", str(plain)], capture_output=True, text=True, check=True).stdout
    try:
        door.root(f"echo '{public.strip()}' >> /etc/ssh/authorized_keys.d/fay")

        assert not got_in(door.login("fay", "-i", str(plain), "-o", "IdentityAgent=none"), "fay")
        assert got_in(door.with_device("fay"), "fay")
    finally:
        door.root("sed -i '/^ssh-ed25519 /d' /etc/ssh/authorized_keys.d/fay")


def test_the_right_key_and_the_right_code_get_in(door: Door) -> None:
    """The positive control of the refusals below."""
    seed = door.enrolled("tom")

    assert got_in(door.with_key("tom", answer=code_of_now(seed)), "tom")


def test_the_key_alone_is_refused(door: Door) -> None:
    """Sshd takes the key and wants more."""
    door.enrolled("tom")
    done = door.with_key("tom")

    assert not got_in(done, "tom")
    assert "Permission denied (keyboard-interactive)" in done.stderr


def test_the_code_alone_is_refused(door: Door) -> None:
    """Without the key nobody is asked for a code, so nobody can guess at one."""
    seed, since = door.enrolled("tom"), door.moment()
    only = ("-o", "PreferredAuthentications=keyboard-interactive", "-o", "IdentityAgent=none")
    done = door.login("tom", *only, answer=code_of_now(seed))

    assert not got_in(done, "tom")
    assert "Permission denied (publickey)" in done.stderr
    assert "tom" in door.logged(since)


def test_a_wrong_code_and_that_of_somebody_else_are_refused_and_logged(door: Door) -> None:
    """Bob has codes of his own on the same machine."""
    right, other = door.enrolled("tom"), door.enrolled("bob")
    wrong = f"{(int(code_of_now(right)) + 1) % 1_000_000:06}"
    for answer in (wrong, code_of_now(other)):
        since = door.moment()

        assert not got_in(door.with_key("tom", answer=answer), "tom")
        assert "Invalid verification code for tom" in door.logged(since)
    assert got_in(door.with_key("tom", answer=code_of_now(right)), "tom")


def test_a_code_counts_once(door: Door) -> None:
    """Whoever looked over a shoulder has the same thirty seconds, and is out."""
    now = code_of_now(door.enrolled("tom"), TWICE)

    assert got_in(door.with_key("tom", answer=now), "tom")
    since = door.moment()
    assert not got_in(door.with_key("tom", answer=now), "tom")
    assert "reuse" in door.logged(since)


def test_there_are_no_spare_codes_and_only_root_reads_the_seed(door: Door) -> None:
    """What PAM noted stands beside the options, and no code of eight digits that would count for ever."""
    seed = door.enrolled("tom")
    assert got_in(door.with_key("tom", answer=code_of_now(seed)), "tom")
    lines = door.root(f"cat {SEEDS}/tom").splitlines()

    assert lines[0] == seed
    assert [line for line in lines[1:] if not line.startswith('" ')] == []
    assert any(line.startswith('" DISALLOW_REUSE ') for line in lines)
    assert door.root(f"stat -c '%a %U %G' {SEEDS} {SEEDS}/tom") == "700 root root\n400 root root"


@pytest.mark.parametrize("person", ["haechi", "sentinel"])
def test_automation_runs_by_key_and_the_canary_by_a_device(door: Door, person: str) -> None:
    """Nobody is there to touch anything at night; the canary does all that people do."""
    assert got_in(door.with_device(person) if person == "sentinel" else door.with_key(person), person)


@pytest.mark.parametrize(
    ("user", "methods", "kbd", "algorithms"),
    [
        ("tom", "publickey,keyboard-interactive", "yes", "ssh-ed25519,sk-"),
        ("nobody", "publickey,keyboard-interactive", "yes", "ssh-ed25519,sk-"),
        ("fay", "publickey", "no", "sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com"),
        ("sentinel", "publickey", "no", "sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com"),
        ("ann", "publickey", "no", "ssh-ed25519,sk-"),
        ("haechi", "publickey", "no", "ssh-ed25519,sk-"),
    ],
)
def test_what_sshd_asks_of_each(door: Door, user: str, methods: str, kbd: str, algorithms: str) -> None:
    """Effective, whatever file it comes from."""
    rows = door.root(f"sshd -T -C user={user},host=localhost,addr=127.0.0.1").splitlines()
    said = dict(row.split(" ", 1) for row in rows if " " in row)

    assert said["authenticationmethods"] == methods
    assert said["kbdinteractiveauthentication"] == kbd
    assert said["pubkeyacceptedalgorithms"].startswith(algorithms)
    assert ("verify-required" in said["pubkeyauthoptions"]) == (user in {"fay", "sentinel"})
