"""Passwords, lock-out, su and ageing, as somebody at the prompt meets them."""

from __future__ import annotations

import pytest
from testinfra.backend.base import CommandResult
from testinfra.host import Host


def su(host: Host, who: str, to: str, password: str) -> CommandResult:
    """Let ``who`` become ``to`` with a password typed at the prompt."""
    return host.run("echo %s | runuser -u %s -- su %s -c 'id --user --name'", password, who, to)


@pytest.mark.parametrize(
    "password",
    [
        "Sh0rt!",
        "alllowercase!9x",
        "ALLUPPERCASE!9X",
        "NoDigitsHere!x",
        "NoSymbols99xYz",
        "Aaaa1111!!!!bB",
        "password123!A",
    ],
)
@pytest.mark.usefixtures("people")
def test_a_weak_password_is_refused(host: Host, password: str) -> None:
    """PAM refuses it for root's chpasswd too: the reset by a helpdesk is where weak ones come from."""
    before = host.run("getent shadow cho").stdout

    assert host.run("echo %s | chpasswd", f"cho:{password}").rc != 0
    assert host.run("getent shadow cho").stdout == before


def test_an_old_password_is_refused(host: Host, people: dict[str, str]) -> None:
    """The last four are remembered."""
    assert host.run("echo %s | chpasswd", f"ana:{people['ana']}").rc != 0


@pytest.mark.usefixtures("people")
def test_a_new_hash_is_yescrypt(host: Host) -> None:
    """A stolen shadow file must cost memory to crack."""
    assert host.run("getent shadow ana").stdout.split(":")[1].startswith("$y$")


def test_su_is_for_its_group(host: Host, people: dict[str, str]) -> None:
    """The right password does not help who is not in the group; root needs neither."""
    assert su(host, "ana", "ben", people["ben"]).stdout.strip() == "ben"
    assert su(host, "ben", "ana", people["ana"]).rc != 0
    assert host.run("su ben -c 'id --user --name'").stdout.strip() == "ben"


def test_five_wrong_passwords_lock_and_a_reset_unlocks(host: Host, people: dict[str, str]) -> None:
    """The sixth try with the right password is refused; a colleague is not."""
    for _ in range(5):
        assert su(host, "ana", "ben", "wrong").rc != 0

    assert su(host, "ana", "ben", people["ben"]).rc != 0
    assert host.run("runuser -u ana -- id --user --name").stdout.strip() == "ana"
    assert host.run("pamtester sshd cho acct_mgmt").rc == 0
    host.run_expect([0], "faillock --user ben --reset")

    assert su(host, "ana", "ben", people["ben"]).stdout.strip() == "ben"


def test_nobody_locks_root_out(host: Host) -> None:
    """Six wrong passwords at the console leave root's own login open."""
    before = host.run("getent shadow root").stdout.split(":")[1]
    try:
        host.run_expect([0], "echo %s | chpasswd", "root:R00t-at-C0nsole!")
        for _ in range(6):
            assert host.run("echo wrong | pamtester login root authenticate").rc != 0

        assert host.run("echo %s | pamtester login root authenticate acct_mgmt", "R00t-at-C0nsole!").rc == 0
    finally:
        host.run_expect([0], "usermod --password %s root", before)
        host.run("rm -f /etc/security/opasswd && install -m 600 /dev/null /etc/security/opasswd")


@pytest.mark.parametrize("service", ["sshd", "sudo", "login", "cron"])
@pytest.mark.usefixtures("people")
def test_every_stack_still_admits_an_account(host: Host, service: str) -> None:
    """A typing error in one common file would shut them all."""
    assert host.run("pamtester %s ana acct_mgmt", service).rc == 0


@pytest.mark.usefixtures("people")
def test_a_password_of_91_days_must_be_changed(host: Host) -> None:
    """The maximum age binds who has a password."""
    assert host.run("chage --list ana").stdout.count(": 90") == 1
    host.run_expect([0], "chage --lastday \"$(date --date='91 days ago' +%F)\" ana")
    try:
        answer = host.run("pamtester sshd ana acct_mgmt")

        assert answer.rc != 0
        assert "change your password" in answer.stderr
    finally:
        host.run_expect([0], 'chage --lastday "$(date +%F)" ana')
