"""The host's half: certificates read back, the list in one form, and the changes that make both so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.accounts import certificates, leave
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import Remove, Revoke, WriteFile
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Account, Certificates, Current
from ansible_collections.haechi.guard.plugins.module_utils.pki import authority, krl
from ansible_collections.haechi.guard.plugins.module_utils.pki.certificate import CertificateError, parse

TOLD = """\
k-cert.pub:
        Type: ssh-ed25519-cert-v01@openssh.com user certificate
        Public key: ED25519-CERT SHA256:aaaa
        Signing CA: ED25519 SHA256:bbbb (using ssh-ed25519)
        Key ID: "kim"
        Serial: 12
        Valid: from 2026-11-26T07:46:00 to 2026-11-26T19:46:00
        Principals:
                operator:kim
                dba:kim
        Critical Options: (none)
        Extensions:
                permit-pty
"""
LIST = "# Haechi: who is revoked, list 7\nid: kim\nhash: SHA256:mXMWev/hzfcVs/lqVUwjR4aaXdZ2dKVubuDoBaC2g3k\n"
READ_BACK = """\
# KRL version 7
# Generated at 20261126T074625

hash: SHA256:9973167affe1cdf715b3f96a554c2347869a5dd67674a56e6ee0e805a0b68379

# CA key ssh-ed25519 SHA256:/vkP1/vTsXLmPw2doRQw3y20G4t50FSH/RvA62lsdGs
id: kim
"""
WANTED = {"user_ca": "ssh-ed25519 AAAA", "revoked": LIST, "principals": {"kim": ["operator:kim"]}}
ROWS = krl.rows(LIST)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBVPBJhpNsMMFlqRRGs5Pn0Wtj8hgHSAYEOe1ZnQ3FfR"
KEY_PRINT = "SHA256:OfhjmB8nZxLXvY8dTfGhQ46H6fX6ncVHou8J3eaDUFg"
AS_WANTED = Certificates(user_ca="ssh-ed25519 AAAA\n", listed=LIST, revoked=ROWS, principals={"kim": "operator:kim\n"})


def test_a_certificate_is_read() -> None:
    """Times are UTC; the principals end where the next list begins."""
    seen = parse(TOLD)

    assert (seen.kind, seen.id, seen.serial, seen.key, seen.ca) == ("user", "kim", 12, "SHA256:aaaa", "SHA256:bbbb")
    assert (seen.begins, seen.ends) == (
        datetime(2026, 11, 26, 7, 46, tzinfo=UTC),
        datetime(2026, 11, 26, 19, 46, tzinfo=UTC),
    )
    assert seen.principals == ("operator:kim", "dba:kim")


@pytest.mark.parametrize(
    "text", ["", "garbage", TOLD.replace("from 2026-11-26T07:46:00 to 2026-11-26T19:46:00", "forever")]
)
def test_what_is_no_certificate_or_has_no_end(text: str) -> None:
    """One that counts for ever is none of ours."""
    with pytest.raises(CertificateError):
        parse(text)


def test_a_list_reads_the_same_both_ways() -> None:
    """Fingerprints are base64 in the one text and hexadecimal in the other."""
    assert krl.rows(LIST) == krl.rows(READ_BACK)
    assert krl.rows(LIST) == {"id: kim", "hash: 9973167affe1cdf715b3f96a554c2347869a5dd67674a56e6ee0e805a0b68379"}


def test_a_host_that_is_as_it_should_be_is_left_alone() -> None:
    """Nor is anything done where there is no authority."""
    assert list(certificates.plan(AS_WANTED, WANTED, {"kim"})) == []
    assert list(certificates.plan(Certificates(), {}, ())) == []
    assert list(certificates.plan(Certificates(), {**WANTED, "user_ca": ""}, ())) == []


def test_a_bare_host_refuses_before_it_trusts() -> None:
    """The list comes first and the authority last: in between no certificate opens what it should not."""
    acts = [act for change in certificates.plan(Certificates(), WANTED, {"kim"}) for act in change.acts]

    assert acts == [
        Revoke(LIST, "ssh-ed25519 AAAA"),
        WriteFile("/etc/ssh/haechi/revoked", LIST),
        WriteFile("/etc/ssh/haechi/principals/kim", "operator:kim\n"),
        WriteFile("/etc/ssh/haechi/user_ca.pub", "ssh-ed25519 AAAA\n"),
    ]


@pytest.mark.parametrize("revoked", [None, frozenset(), frozenset({"id: stranger"})])
def test_a_list_that_says_something_else_is_put_right(revoked: frozenset[str] | None) -> None:
    """Unreadable, emptied or replaced, whatever its text beside it says."""
    seen = Certificates(user_ca="ssh-ed25519 AAAA\n", listed=LIST, revoked=revoked, principals=AS_WANTED.principals)

    assert [change.what for change in certificates.plan(seen, WANTED, {"kim"})] == ["/etc/ssh/haechi/revoked.krl"]


def test_a_principal_that_policy_does_not_give_goes() -> None:
    """A file of somebody policy does not know here goes as a whole."""
    seen = Certificates(
        user_ca=AS_WANTED.user_ca,
        listed=LIST,
        revoked=ROWS,
        principals={"kim": "operator:kim\ndba:lee\n", "lee": "dba:lee\n"},
    )

    assert [act for change in certificates.plan(seen, WANTED, {"kim"}) for act in change.acts] == [
        WriteFile("/etc/ssh/haechi/principals/kim", "operator:kim\n"),
        Remove("/etc/ssh/haechi/principals/lee"),
    ]


def test_a_leaver_s_principals_are_a_door() -> None:
    """It is named and removed with the keys."""
    kim = Account(name="kim", uid=1001, gid=1001, gecos="", home="/home/kim", shell="/bin/bash")  # noqa: S604
    now = Current(accounts={"kim": kim}, certificates=AS_WANTED)

    assert leave.doors(now, "kim", ()).files == ("/etc/ssh/haechi/principals/kim",)


def test_an_account_that_the_host_shuts_has_no_principals() -> None:
    """One that lies idle is disabled by the host itself, whatever policy gives it."""
    assert [act for change in certificates.plan(AS_WANTED, WANTED, ()) for act in change.acts] == [
        Remove("/etc/ssh/haechi/principals/kim")
    ]


@pytest.mark.parametrize(
    ("revoked", "person", "why"),
    [
        (ROWS, "kim", "kim or this key is revoked"),
        (krl.rows(f"hash: {KEY_PRINT}"), "lee", "lee or this key is revoked"),
        (None, "lee", "cannot be read, so nobody knows who left"),
    ],
)
def test_who_is_revoked_gets_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revoked: frozenset[str] | None, person: str, why: str
) -> None:
    """The host's own list is asked first: nothing is written down of what is not issued."""
    monkeypatch.setattr(krl, "entries", lambda: revoked)
    order = {"person": person, "key": KEY, "principals": [f"operator:{person}"], "minutes": 5}

    with pytest.raises(CertificateError, match=why):
        authority.issue(tmp_path, order, datetime(2026, 11, 26, tzinfo=UTC))
    assert list(tmp_path.iterdir()) == []
