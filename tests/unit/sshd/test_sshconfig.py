"""The control node's ssh configuration follows from policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from haechi.sshconfig import render, write

from .conftest import policy

EXPECTED = """\
# Written by `haechi ssh-config` from policy. Changes made here are lost.

Host bastion
  HostName 10.1.0.10
  HostKeyAlias bastion
  ControlMaster auto
  ControlPath /state/x/%C
  ControlPersist 60

Host gw
  HostName 10.1.0.2
  HostKeyAlias gw
  ProxyJump bastion

Host db
  HostName 10.2.0.10
  HostKeyAlias db
  ProxyJump bastion

Host *
  User robot
  Port 22
  UserKnownHostsFile /state/x/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  UpdateHostKeys no
  IdentitiesOnly yes
  CertificateFile /state/x/automation-cert.pub
  IdentityFile /keys/robot
  ForwardAgent no
  ForwardX11 no
  PasswordAuthentication no
  KbdInteractiveAuthentication no
  ConnectTimeout 10
  ServerAliveInterval 10
  ServerAliveCountMax 3
"""


def test_the_whole_file() -> None:
    """Managed hosts are reached by name, through the bastion, and only by a pinned key."""
    assert render(policy(), Path("/state/x"), Path("/keys/robot")) == EXPECTED


def test_no_bastion_means_no_jump() -> None:
    """A site without a bastion connects directly."""
    assert "ProxyJump" not in render(policy(site={"bastion": None}), Path("/s"), Path("/k"))


@pytest.mark.parametrize("path", ["/a\nProxyCommand x", '/a"b', "/a%h"])
def test_a_path_that_would_change_the_meaning_is_refused(path: str) -> None:
    """A path is data and never a second directive or a token."""
    with pytest.raises(ValueError, match="cannot stand"):
        render(policy(), Path(path), Path("/k"))


def test_a_site_without_automation_is_refused() -> None:
    """A configuration without a user would connect as whoever runs it."""
    disabled = [{"id": "ann", "name": "Ann", "jobs": ["operator"]}]
    with pytest.raises(ValueError, match="kind automation"):
        render(policy(identities=disabled), Path("/s"), Path("/k"))


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    """The second write of the same text leaves the file alone; it is private from its first byte."""
    target = tmp_path / "inventory/.ssh_config"

    assert [write(target, "x"), write(target, "x")] == [True, False]
    assert target.stat().st_mode & 0o777 == 0o600
