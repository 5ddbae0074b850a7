"""Which commands of sudo are a shell by another name, and which are no more than themselves."""

from __future__ import annotations

import pytest

from haechi.policy.escapes import escape

SHELLS = """
/usr/bin/less /var/log/syslog
/usr/bin/more /etc/services
/usr/bin/vi
/usr/bin/vim
/usr/bin/vim.nox /etc/motd
/usr/bin/view /etc/motd
/usr/bin/nano
/bin/ed
/usr/bin/man ls
/usr/bin/find /var -exec id
/usr/bin/find /var -execdir id
/usr/bin/find /var -fprintf /etc/x y
/usr/bin/awk 1
/usr/bin/gawk 1
/usr/bin/perl
/usr/bin/perl5.40
/usr/bin/python3
/usr/bin/python3.13 /srv/x
/usr/bin/tar -tf x
/usr/bin/env
/bin/sh
/usr/bin/bash -c id
/usr/bin/su
/usr/bin/systemctl
/usr/bin/systemctl status ssh
/usr/bin/systemctl --failed
/usr/bin/systemctl --no-pager edit ssh
/usr/bin/systemctl enable /home/ann/x.service
/usr/bin/journalctl -u ssh
/usr/bin/apt-get install sl
/usr/bin/dpkg -i x.deb
/usr/bin/psql
/usr/bin/git log
/usr/bin/docker ps
/tmp/tool
/home/ann/tool -x
ALL
"""
PLAIN = """
/usr/bin/id
/usr/bin/cat /var/log/syslog
/usr/bin/find /var/log -name x
/usr/bin/systemctl --no-pager --failed
/usr/bin/systemctl --no-pager status ssh
/usr/bin/systemctl restart postgresql
/usr/bin/systemctl restart ssh.service
/usr/bin/journalctl --no-pager --since today
/usr/sbin/nft list ruleset
/usr/bin/apt-get update
/usr/local/sbin/tool
"""


@pytest.mark.parametrize("command", SHELLS.split("\n")[1:-1])
def test_a_shell_by_another_name_is_told_with_a_mend(command: str) -> None:
    """Why it is one, and what to allow instead."""
    found = escape(command)

    assert found is not None
    assert len(found.why) > 4
    assert len(found.mend) > 10


@pytest.mark.parametrize("command", PLAIN.split("\n")[1:-1])
def test_a_command_that_is_only_itself_is_left_alone(command: str) -> None:
    """A rule that cries at everything is switched off."""
    assert escape(command) is None
