"""A package that a host lacks is brought by the role, from lists that are fetched anew where the name is not known."""

from __future__ import annotations

import pytest

from .conftest import run_in

# The package as it is here, packed again into an archive of this machine: no mirror has a part in the test.
ARCHIVE = """
set -e
cd "$(mktemp -d)"
mkdir -p new/DEBIAN
for part in preinst postinst prerm postrm; do
    cp /var/lib/dpkg/info/logrotate.$part new/DEBIAN/ 2>/dev/null || true
done
for field in Package Version Architecture Maintainer Depends Description; do
    dpkg-query --show --showformat "$field: \\${$field}\\n" logrotate
done >new/DEBIAN/control
dpkg-query --listfiles logrotate | tar -chf - --no-recursion -T - | tar -xf - -C new
mkdir -p /opt/archive
dpkg-deb --build new /opt/archive/logrotate.deb >/dev/null
cd /opt/archive
{ dpkg-deb --field logrotate.deb; echo "Filename: ./logrotate.deb"; stat --format 'Size: %s' logrotate.deb
  echo "SHA256: $(sha256sum logrotate.deb | cut -d ' ' -f 1)"; } >Packages
cd /etc/apt
mkdir -p away && mv sources.list* away/
echo 'deb [trusted=yes] file:/opt/archive ./' >sources.list
"""
BACK = "rm -rf /etc/apt/sources.list /opt/archive; mv /etc/apt/away/* /etc/apt/; rmdir /etc/apt/away"
STATE = "dpkg-query --show --showformat '${db:Status-Status}' logrotate; ls /usr/sbin/logrotate"


@pytest.mark.parametrize("name", ["trixie", "bookworm"])
def test_a_package_that_went_is_brought_by_the_role(playbook, name):
    """The edge's logs would grow without it until the disk is full."""
    packed = run_in(name, "sh", "-c", ARCHIVE)
    assert packed.returncode == 0, packed.stderr
    try:
        run_in(name, "dpkg", "--purge", "--force-depends", "logrotate")
        assert "/usr/sbin/logrotate" not in run_in(name, "sh", "-c", STATE).stdout

        code, words = playbook("--tags", "edge", "--limit", name, "-v")

        assert code == 0, words
        assert "package logrotate: absent -> installed" in words
        assert run_in(name, "sh", "-c", STATE).stdout == "installed/usr/sbin/logrotate\n"
    finally:
        run_in(name, "sh", "-c", BACK)
