"""What a login, a file listing and systemd show of the baseline."""

from __future__ import annotations

import pytest
from testinfra.host import Host

MODES = {
    "/etc/passwd": "root:root 644",
    "/etc/group": "root:root 644",
    "/etc/shadow": "root:shadow 400",
    "/etc/gshadow": "root:shadow 400",
    "/etc/hosts": "root:root 644",
    "/etc/login.defs": "root:root 644",
    "/etc/sudoers": "root:root 440",
    "/etc/cron.allow": "root:root 600",
    "/etc/at.allow": "root:root 600",
    "/etc/security/opasswd": "root:root 600",
    "/root": "root:root 700",
    "/var/log/btmp": "root:utmp 660",
}
SET_ID = {
    "4755 root:root /usr/bin/passwd",
    "2755 root:_ssh /usr/bin/ssh-agent",
    "4755 root:root /usr/bin/su",
    "4755 root:root /usr/bin/sudo",
    "4754 root:messagebus /usr/lib/dbus-1.0/dbus-daemon-launch-helper",
}


@pytest.mark.parametrize(("path", "expected"), MODES.items(), ids=lambda value: value.split()[0])
def test_a_file_has_its_owner_and_mode(host: Host, path: str, expected: str) -> None:
    """KISA U-16 to U-22, U-37, U-63, U-67."""
    assert expected == host.check_output("stat --format '%%U:%%G %%a' %s", path)


def test_the_set_id_programs_are_the_allow_list(host: Host) -> None:
    """Whole-list equality: one more is a way to root, one less is a broken tool."""
    found = host.check_output("find / -xdev -type f -perm /6000 -printf '%m %u:%g %p\\n'").splitlines()

    assert set(found) == SET_ID


def test_stripped_programs_stay_stripped_at_upgrades(host: Host) -> None:
    """Dpkg must know the override under the name that the package ships."""
    listed = host.check_output("dpkg-statoverride --list").splitlines()
    paths = [line.split()[3] for line in listed if not line.split()[2].startswith(("4", "2"))]

    assert {path.rsplit("/", 1)[1] for path in paths} >= {"mount", "umount", "chsh", "chfn", "newgrp", "gpasswd"}
    for path in paths:
        assert host.run("dpkg-query --search %s", path).rc == 0, path


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])
@pytest.mark.usefixtures("people")
def test_a_login_shell_is_closed_and_ends_by_itself(host: Host, shell: str) -> None:
    """Umask 027, no core, and an idle timeout that cannot be lifted."""
    login = f"su - -s {shell} ana -c"

    assert host.check_output(f"{login} 'umask; ulimit -c; echo $TMOUT'").split() == ["0027", "0", "600"]
    assert "lifted" not in host.run(f"{login} 'TMOUT=0; echo lifted'").stdout
    assert "lifted" not in host.run(f"{login} 'unset TMOUT && echo lifted'").stdout


@pytest.mark.usefixtures("people")
def test_a_session_without_a_shell_is_closed_too(host: Host) -> None:
    """pam_umask reaches what /etc/profile does not."""
    assert host.check_output("su ana -c umask") == "0027"


@pytest.mark.parametrize("path", ["/etc/issue", "/etc/issue.net", "/etc/motd"])
def test_a_banner_warns_and_tells_nothing(host: Host, path: str) -> None:
    """The release in a banner is the first line of an attacker's notes."""
    text = host.file(path).content_string

    assert text.strip()
    assert not [word for word in ("Debian", "GNU", "Linux", "\\r", "\\n", "\\m") if word in text]


@pytest.mark.usefixtures("people")
def test_only_root_has_cron(host: Host) -> None:
    """A leaver's crontab is a door that stays open."""
    assert host.run("runuser -u ana -- crontab -l").rc != 0
    if host.exists("crontab"):
        assert "no crontab for root" in host.run("crontab -l").stderr + host.run("crontab -l").stdout


def test_the_journal_survives_a_reboot(host: Host) -> None:
    """A volatile journal forgets the intruder's visit with the reboot he causes."""
    host.run_expect([0], "logger --tag haechi-test kept")

    assert "/var/log/journal/" in host.check_output("journalctl --header")
    assert "kept" in host.check_output("journalctl --sync && journalctl -D /var/log/journal -t haechi-test -o cat")


def test_a_new_account_starts_with_policy(host: Host) -> None:
    """Useradd reads login.defs."""
    values = dict(
        line.split()[:2]
        for line in host.file("/etc/login.defs").content_string.splitlines()
        if line.strip() and not line.startswith("#") and len(line.split()) > 1
    )

    assert {
        "PASS_MAX_DAYS": "90",
        "PASS_MIN_DAYS": "1",
        "UMASK": "027",
        "ENCRYPT_METHOD": "YESCRYPT",
    }.items() <= values.items()


def test_stock_accounts_have_no_shell(host: Host) -> None:
    """Games and uucp are still there, and nobody can be them."""
    rows = [line.split(":") for line in host.file("/etc/passwd").content_string.splitlines()]
    shells = {row[0]: row[6] for row in rows}

    assert {shells[name] for name in ("games", "uucp", "news", "lp", "mail", "daemon", "www-data")} == {
        "/usr/sbin/nologin"
    }


def test_kernel_values_are_placed(host: Host) -> None:
    """In a container only the file can be seen; a virtual machine shows the effect."""
    text = host.file("/etc/sysctl.d/90-haechi.conf").content_string

    assert "kernel.kptr_restrict = 2" in text
    assert "net.ipv4.conf.all.rp_filter = 1" in text
    # Where a container engine runs, forwarding is the engine's own affair.
    assert ("net.ipv4.ip_forward = 0" in text) == (host.backend.get_hostname() == "trixie")
