"""The enrolment window by the host's own clock, sudo, the console, certificates, and enrolment itself."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from conftest import INVENTORY, ROOT, SEEDS, TWICE, Door, code_of_now, got_in

from haechi import authenticator
from haechi.mfa import code

WINDOW = "/etc/haechi/mfa-window"
ALLOWED = "/usr/bin/systemctl --no-pager --failed"


def test_who_has_not_enrolled_gets_in_until_the_last_second_and_not_after(door: Door) -> None:
    """The host decides by its own clock; no controller runs meanwhile."""
    assert got_in(door.with_key("ann"), "ann")
    since = door.moment()
    door.root(f"sed -i \"s/^ann .*/ann $(date -d '-1 second' +%s)/\" {WINDOW}")

    assert not got_in(door.with_key("ann"), "ann")
    assert "ann" in door.logged(since)
    assert got_in(door.with_key("bob"), "bob")
    door.root(f"sed -i \"s/^ann .*/ann $(date -d '+1 hour' +%s)/\" {WINDOW}")
    assert got_in(door.with_key("ann"), "ann")


def test_a_window_file_that_is_lost_or_damaged_lets_nobody_in(door: Door) -> None:
    """One factor is the exception: without a date there is none."""
    for damage in (f"rm {WINDOW}", f"echo 'ann soon' > {WINDOW}", f": > {WINDOW}"):
        door.root(damage)
        assert not got_in(door.with_key("ann"), "ann")


def test_who_will_have_codes_is_not_asked_before_and_always_after(door: Door) -> None:
    """Inside the window Tom passes without a question; from his enrolment on he is asked; after it he is out."""
    assert got_in(door.with_key("tom", answer="000000"), "tom")
    seed = door.enrolled("tom")
    assert not got_in(door.with_key("tom", answer="000000"), "tom")
    assert got_in(door.with_key("tom", answer=code_of_now(seed)), "tom")
    door.root(f"rm {SEEDS}/tom; sed -i 's/^tom .*/tom 1/' {WINDOW}")
    assert not got_in(door.with_key("tom", answer="000000"), "tom")


def test_sudo_asks_for_a_code_and_automation_is_not_asked(door: Door) -> None:
    """As Tom's own process: a session that somebody else sits down at gives no root."""
    seed = door.enrolled("tom")

    def sudo(answer: str) -> int:
        return int(door.host.run(f"echo {answer} | runuser -u tom -- sudo -S -p '' {ALLOWED}").rc)

    assert sudo("000000") == 1
    assert sudo(code_of_now(seed, TWICE)) == 0
    assert sudo(code.at(seed, time.time())) == 1
    assert door.host.run(f"runuser -u tom -- sudo -n {ALLOWED}").rc == 1
    assert door.host.run("runuser -u haechi -- sudo -n true").rc == 0


def test_the_console_is_shut_for_people_and_asks_the_sealed_account_for_both(door: Door) -> None:
    """Bob plays the sealed account: this site has none."""
    assert door.host.run("pamtester login ann acct_mgmt").rc == 1
    assert door.host.run("pamtester login bob acct_mgmt").rc == 1
    seed = door.enrolled("bob")
    try:
        door.root("sed -i '/^-/i +:bob:ALL' /etc/security/haechi-console.conf")
        door.root(
            "echo 'bob:correct horse battery' | chpasswd -c YESCRYPT || echo 'bob:correct horse battery' | chpasswd"
        )

        assert door.host.run("pamtester login bob acct_mgmt").rc == 0
        assert door.host.run("pamtester login ann acct_mgmt").rc == 1
        tried = [
            door.host.run(f"printf '%s\\n%s\\n' {first} '{second}' | pamtester login bob authenticate").rc
            for first, second in (
                ("000000", "correct horse battery"),
                (code_of_now(seed), "wrong"),
            )
        ]
        seed = door.enrolled("bob")
        both = f"printf '%s\\n%s\\n' {code_of_now(seed)} 'correct horse battery' | pamtester login bob authenticate"
        tried.append(door.host.run(both).rc)
        assert tried == [1, 1, 0]
    finally:
        door.root("sed -i '/bob/d' /etc/security/haechi-console.conf; usermod -p '*' bob; faillock --user bob --reset")


def test_a_certificate_of_a_security_key_gets_in_and_of_a_plain_one_does_not(door: Door) -> None:
    """The authority signs both; sshd wants the device and its PIN all the same."""
    certificate = door.folder / "fay-cert.pub"
    haechi = Path(sys.executable).with_name("haechi")
    asked = ["cert", "issue", "fay", "--key", door.keys / "fay.pub", "--out", certificate, "-i", INVENTORY]
    with Path(tempfile.gettempdir(), "haechi-mfa-cert.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [str(haechi), *map(str, asked)],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            timeout=180,
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        )
    assert done.returncode == 0, done.stdout + done.stderr
    try:
        door.root("mv /etc/ssh/authorized_keys.d/fay /run/fay.keys")
        since = door.moment()
        bare = door.with_device("fay")
        assert not got_in(bare, "fay")
        with authenticator.serving([door.keys / "fay"]) as socket:
            own = ("-o", f"IdentityAgent={socket}", "-o", f"CertificateFile={certificate}")
            assert got_in(door.with_key("fay", *own), "fay")
        with authenticator.serving([door.keys / "fay"], verified=False) as socket:
            own = ("-o", f"IdentityAgent={socket}", "-o", f"CertificateFile={certificate}")
            assert not got_in(door.with_key("fay", *own), "fay")
        assert "ID fay" in door.logged(since)
    finally:
        door.root("mv /run/fay.keys /etc/ssh/authorized_keys.d/fay")
