"""What the control node remembers of the authority."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from haechi.desired import build
from haechi.pki.trust import NO_AUTHORITY, Trust, TrustError, pin, read
from haechi.policy.models import Policy
from haechi.tombstones import Store

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
SEEN = Trust(user_ca="ssh-ed25519 AAAAuser", host_ca="ssh-ed25519 AAAAhost", host_certificates={"db": "cert of db"})


def test_nothing_is_trusted_before_the_authority_was_seen(policy: Policy, tmp_path: Path) -> None:
    """Then hosts get no line about certificates at all."""
    assert read(policy, tmp_path, Store(), NOON) == NO_AUTHORITY
    assert "TrustedUserCAKeys" not in str(build(policy, ["db"], frozenset())["db"]["sshd"])


def test_what_was_seen_is_kept(policy: Policy, tmp_path: Path) -> None:
    """A second look at the same is no change."""
    assert [pin(tmp_path, SEEN), pin(tmp_path, SEEN)] == [True, False]

    kept = read(policy, tmp_path, Store(), NOON)
    assert (kept.user_ca, kept.host_ca, kept.host_certificates) == (SEEN.user_ca, SEEN.host_ca, {"db": "cert of db"})
    assert kept.revoked == "# Haechi: who is revoked, list 0\n"


@pytest.mark.parametrize("name", ["user_ca", "host_ca"])
def test_another_key_is_refused(tmp_path: Path, name: str) -> None:
    """Whoever could swap the authority could log in anywhere; what was pinned stays."""
    pin(tmp_path, SEEN)

    with pytest.raises(TrustError, match="presents another key than the one pinned"):
        pin(tmp_path, Trust(**{**SEEN.document(), name: "ssh-ed25519 AAAAother"}))
    assert pin(tmp_path, SEEN) is False


def test_a_full_disk_leaves_what_was_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither half a certificate nor a draft beside the old one."""
    pin(tmp_path, SEEN)
    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="No space left"):
        pin(tmp_path, replace(SEEN, host_certificates={"db": "another"}))
    assert [path.name for path in (tmp_path / "pki/hosts").iterdir()] == ["db-cert.pub"]
    assert (tmp_path / "pki/hosts/db-cert.pub").read_text() == "cert of db\n"


def full(_handle: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_was_pinned_outlives_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is synced, and then the folder that holds its name (fsync(2))."""
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(stat.S_ISDIR(os.fstat(handle).st_mode)))
    pin(tmp_path, replace(SEEN, host_certificates={}))

    assert synced == [False, True, False, True]


def test_what_a_host_is_told(policy: Policy, tmp_path: Path) -> None:
    """Authority, list, its own certificate, and whom each certificate may be."""
    pin(tmp_path, SEEN)
    document = build(policy, ["db", "bastion"], frozenset(), read(policy, tmp_path, Store(), NOON))

    assert document["db"]["accounts"]["certificates"] == {  # type: ignore[index]
        "user_ca": "ssh-ed25519 AAAAuser",
        "revoked": "# Haechi: who is revoked, list 0\n",
        "principals": {"robot": ["automation:robot"], "ann": ["operator:ann"]},
    }
    lines = document["db"]["sshd"]["variants"][1]["content"].splitlines()  # type: ignore[index]
    for line in (
        "TrustedUserCAKeys /etc/ssh/haechi/user_ca.pub",
        "AuthorizedPrincipalsFile /etc/ssh/haechi/principals/%u",
        "RevokedKeys /etc/ssh/haechi/revoked.krl",
        "HostCertificate /etc/ssh/ssh_host_ed25519_key-cert.pub",
    ):
        assert line in lines
    assert {"path": "/etc/ssh/ssh_host_ed25519_key-cert.pub", "content": "cert of db\n", "mode": "0644"} in document[
        "db"
    ]["sshd"]["files"]  # type: ignore[index]
    assert "HostCertificate" not in str(document["bastion"]["sshd"])
    assert [document[host]["pki"]["here"] for host in ("db", "bastion")] == [False, True]  # type: ignore[index]
