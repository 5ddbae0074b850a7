"""Whether an account still gets in is read from what sshd itself says is in force."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.guard.sshd_judgement import (
    choose,
    culprit,
    deviations,
    judge,
    parse,
    version,
)

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB3RbmKqW0rPKQKbV5Q2nB1CZc1pBPcuwyyEKAyE6Jfk ann"
ECDSA = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAI ann"


def rsa(bits: int) -> str:
    """Return a public key line of the given length (RFC 4253, 6.6)."""
    modulus = (1 << (bits - 1) | 1).to_bytes(bits // 8 + 1, "big")
    fields = (b"ssh-rsa", b"\1\0\1", modulus)
    blob = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    return f"ssh-rsa {base64.b64encode(blob).decode()} ann"


GOOD = """\
usepam yes
pubkeyauthentication yes
authenticationmethods publickey
authorizedkeysfile /etc/ssh/authorized_keys.d/%u
pubkeyacceptedalgorithms ssh-ed25519,rsa-sha2-512
requiredrsasize 3072
permitrootlogin no
allowgroups haechi-login
"""
ANN = {"id": "ann", "groups": ["ann", "haechi-login"], "keys": [ED25519], "shell": "/bin/bash"}


def test_an_operator_in_the_group_with_a_modern_key_gets_in() -> None:
    """The positive control of every refusal below."""
    assert judge(parse(GOOD), ANN) == []


@pytest.mark.parametrize(
    ("change", "account", "reason"),
    [
        ("", {"groups": ["ann"]}, "AllowGroups (haechi-login) holds none of the groups of ann: ann"),
        ("", {"groups": []}, "AllowGroups (haechi-login) holds none of the groups of ann: none"),
        (
            "allowgroups !haechi-*",
            {},
            "AllowGroups (haechi-login !haechi-*) holds none of the groups of ann: ann haechi-login",
        ),
        ("allowusers bob carol", {}, "AllowUsers (bob carol) does not name ann"),
        ("denyusers a*", {}, "DenyUsers names ann"),
        ("denygroups haechi-login", {}, "DenyGroups names a group of ann"),
        ("refuseconnection yes", {}, "RefuseConnection turns every connection away"),
        ("", {"id": "root"}, "PermitRootLogin is no"),
        ("", {"keys": []}, "there is no key for the account"),
        ("", {"keys": [ECDSA]}, "PubkeyAcceptedAlgorithms leaves ecdsa-sha2-nistp256 out"),
        ("", {"keys": [rsa(1024)]}, "an RSA key of 1024 bits is shorter than RequiredRSASize 3072"),
        ("", {"keys": ["nonsense"]}, "not a public key: 'nonsense'"),
        ("", {"shell": "/usr/sbin/nologin"}, "its shell is /usr/sbin/nologin"),
        ("", {"expired": True}, "the account has expired"),
    ],
)
def test_what_locks_her_out_is_said(change: str, account: dict, reason: str) -> None:
    """A configuration may be valid and lock an operator out; the one reason is named."""
    assert judge(parse(GOOD + change), ANN | account) == [reason]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("pubkeyauthentication no", "PubkeyAuthentication is off"),
        (
            "authenticationmethods publickey,keyboard-interactive",
            "AuthenticationMethods (publickey,keyboard-interactive) asks for more than publickey",
        ),
        (
            "authorizedkeysfile .ssh/authorized_keys",
            "AuthorizedKeysFile leaves /etc/ssh/authorized_keys.d/%u out, where the keys are",
        ),
        ("pubkeyacceptedalgorithms rsa-sha2-512", "PubkeyAcceptedAlgorithms leaves ssh-ed25519 out"),
    ],
)
def test_a_changed_setting_that_locks_her_out_is_said(line: str, reason: str) -> None:
    """Each setting on the way in is judged by itself."""
    keyword = line.split(maxsplit=1)[0]
    kept = "\n".join(other for other in GOOD.splitlines() if other.split()[0] != keyword)

    assert judge(parse(f"{kept}\n{line}"), ANN) == [reason]


def test_a_second_factor_she_has_enrolled_is_no_reason() -> None:
    """Two factors are met by an account that can answer both."""
    text = GOOD.replace("methods publickey", "methods publickey,keyboard-interactive:pam")

    assert judge(parse(text), ANN | {"factors": ["keyboard-interactive"]}) == []


def test_a_key_behind_options_counts() -> None:
    """`from=` and quoted blanks stand before the type."""
    assert judge(parse(GOOD), ANN | {"keys": [f'from="10.0.0.1",command="echo hi there" {ED25519}']}) == []


def test_a_long_rsa_key_is_accepted() -> None:
    """3072 bits is the limit, not below it."""
    assert judge(parse(GOOD), ANN | {"keys": [rsa(3072)]}) == []


def test_one_good_key_of_several_is_enough() -> None:
    """An old key beside a good one locks nobody out."""
    assert judge(parse(GOOD), ANN | {"keys": [ECDSA, ED25519]}) == []


def test_repeated_lines_are_one_list() -> None:
    """Sshd prints a list keyword once a value."""
    assert parse("port 22\nport 2222\nbanner none\n") == {"port": ("22", "2222"), "banner": ("none",)}


def test_a_broken_promise_names_both_values() -> None:
    """A list split into letters is valid syntax to some editors and no list to sshd."""
    effective = parse("ciphers a,e,s\nbanner none\n")

    assert deviations(effective, {"ciphers": "aes256-gcm@openssh.com", "banner": "none", "usepam": "yes"}) == {
        "ciphers": "ciphers is 'a,e,s', not 'aes256-gcm@openssh.com'",
        "usepam": "usepam is 'unset', not 'yes'",
    }


def test_the_first_file_that_sets_a_keyword_is_the_culprit() -> None:
    """The first value wins in sshd_config, so the later file is innocent; Match blocks are not global."""
    files = [
        ("/etc/ssh/sshd_config.d/00-vendor.conf", "Match User x\n  PasswordAuthentication yes\n"),
        ("/etc/ssh/sshd_config.d/05-cloud.conf", "# PasswordAuthentication no\nPasswordAuthentication=yes\n"),
        ("/etc/ssh/sshd_config.d/10-haechi.conf", "PasswordAuthentication no\n"),
    ]

    assert culprit("passwordauthentication", files) == "/etc/ssh/sshd_config.d/05-cloud.conf"
    assert culprit("banner", files) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("OpenSSH_9.2, OpenSSL 3.0.22", (9, 2)), ("OpenSSH_10.0p2 Debian-7+deb13u4, OpenSSL 3.5.9", (10, 0))],
)
def test_versions(text: str, expected: tuple[int, int]) -> None:
    """Ten is more than nine point eight."""
    assert version(text) == expected


@pytest.mark.parametrize(
    ("running", "expected"), [((9, 2), "old"), ((9, 7), "old"), ((9, 8), "new"), ((10, 0), "new"), ((8, 4), None)]
)
def test_the_newest_variant_that_the_release_reaches(running: tuple[int, int], expected: str | None) -> None:
    """A host gets the settings its own sshd knows."""
    variant = choose([{"at_least": "9.2", "name": "old"}, {"at_least": "9.8", "name": "new"}], running)

    assert (variant and variant["name"]) == expected
