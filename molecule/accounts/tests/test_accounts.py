"""People have what policy gives them on the machine itself, and nothing else."""

from __future__ import annotations

import pytest
from machines import Machine


@pytest.mark.parametrize("person", ["ann", "bob", "sentinel"])
def test_a_person_of_policy_logs_in(machine: Machine, person: str) -> None:
    """A real login by key over the way that people go."""
    assert machine.login(person, "id -un").stdout.strip() == person


def test_groups_are_exact(machine: Machine) -> None:
    """The login group, the job's groups, and no other."""
    assert sorted(machine.login("ann", "id -nG").stdout.split()) == [
        "adm",
        "ann",
        "haechi-login",
        "mfa-window",
        "systemd-journal",
    ]
    assert sorted(machine.login("sentinel", "id -nG").stdout.split()) == ["haechi-login", "mfa-fido2", "sentinel"]


def test_sudo_gives_the_exact_command(machine: Machine) -> None:
    """The command of the job without a password, and no argument more."""
    listing = machine.root("sudo -l -U ann")

    assert [line.strip() for line in listing.splitlines() if "NOPASSWD" in line] == [
        "(root) NOEXEC: NOPASSWD: /usr/bin/systemctl --no-pager --failed, /usr/bin/journalctl --no-pager --since today"
    ]
    assert machine.login("ann", "sudo -n /usr/bin/systemctl --no-pager --failed").returncode == 0
    assert machine.login("ann", "sudo -n /usr/bin/systemctl --no-pager --failed --all").returncode != 0
    assert "not allowed to run sudo" in machine.root("sudo -l -U sentinel")


def test_people_have_no_password_and_never_age(machine: Machine) -> None:
    """Literally what shadow holds: no password, no lock, no ageing, no expiry."""
    rows = {row.split(":")[0]: row.split(":") for row in machine.root("cat /etc/shadow").splitlines()}
    for person in ("haechi", "sentinel", "ann", "bob"):
        assert rows[person][1] == "*", person
        assert rows[person][4] in {"99999", "-1", ""}, person
        assert rows[person][6:8] == ["", ""], person


def test_a_key_login_survives_91_days(machine: Machine) -> None:
    """Ageing refuses a key login too, which the negative control shows; nobody of policy ages."""
    machine.root("chage --lastday $(date -d '91 days ago' +%F) ann")
    assert machine.login("ann").returncode == 0

    machine.root("chage --maxdays 90 ann")
    assert machine.login("ann").returncode != 0

    machine.make()
    assert machine.login("ann").returncode == 0


def test_homes_and_keys_are_shut(machine: Machine) -> None:
    """Nobody reads a neighbour's home, and only root changes who gets in."""
    seen = machine.root("stat --format '%n %U %a' /home/ann /etc/ssh/authorized_keys.d /etc/ssh/authorized_keys.d/ann")

    assert seen.splitlines() == [
        "/home/ann ann 700",
        "/etc/ssh/authorized_keys.d root 755",
        "/etc/ssh/authorized_keys.d/ann root 644",
    ]


def test_systemd_starts_no_manager_for_the_automation(machine: Machine) -> None:
    """It has come in without one by the time that this is asked; a person's login starts hers."""
    state = "systemctl show --value --property=LoadState user@$(id -u {}).service"

    assert machine.root(state.format("haechi")).strip() == "masked"
    assert machine.root(state.format("ann")).strip() == "loaded"
    assert machine.login("ann", "systemctl is-active user@$(id -u).service").stdout.strip() == "active"


def test_who_is_not_meant_here_has_no_account(machine: Machine) -> None:
    """Carol is an auditor on trixie alone, dan left before these machines were made."""
    rows = {row.split(":")[0] for row in machine.root("cat /etc/passwd").splitlines()}

    assert ("carol" in rows) == (machine.name == "trixie")
    assert "dan" not in rows


PLANT = """
userdel --remove eve 2>/dev/null; useradd --create-home eve
mkdir -p /home/eve/.ssh /home/bob/.ssh
cp /etc/ssh/authorized_keys.d/ann /home/eve/.ssh/authorized_keys
cp /etc/ssh/authorized_keys.d/ann /home/bob/.ssh/authorized_keys
echo letters > /home/eve/letter
echo 'eve ALL=(ALL) ALL' > /etc/sudoers.d/90-eve; chmod 0440 /etc/sudoers.d/90-eve
gpasswd --add bob sudo
"""


def test_what_nobody_knows_is_reported_and_stays(machine: Machine) -> None:
    """Accounts, keys, sudo rules and powerful groups by hand; only what policy governs is mended."""
    machine.root(PLANT)
    seen = machine.make()
    found = seen["report"]

    assert [row["id"] for row in found["unknown_accounts"] if row["id"] == "eve"] == ["eve"]
    assert {"/home/eve/.ssh/authorized_keys", "/home/bob/.ssh/authorized_keys"} <= {
        row["file"] for row in found["unknown_keys"]
    }
    assert ["ann", "bob", "eve"] in [row["accounts"] for row in found["shared_keys"]]
    assert "/etc/sudoers.d/90-eve" in [row["path"] for row in found["extra_sudoers"]]
    assert {"id": "bob", "group": "sudo"} in found["powerful"]
    assert [(row["account"], row["what"]) for row in seen["changes"]] == [("bob", "groups")]
    assert machine.host.user("eve").exists


def test_what_nobody_knows_is_removed_where_policy_says_so(machine: Machine) -> None:
    """The account and the keys go; the home stays and is root's, since the user id will be given out again."""
    machine.root(PLANT)
    seen = machine.make(unknown="remove")

    gone = [row["path"] for row in seen["sudoers"] if row["content"] is None]
    assert "/etc/sudoers.d/90-eve" in gone
    assert "/etc/sudoers.d/haechi-ann" not in gone
    assert not machine.host.user("eve").exists
    assert machine.host.file("/home/eve/letter").content_string == "letters\n"
    assert machine.root("find /home/eve -nouser -o -nogroup") == ""
    assert (machine.host.file("/home/eve").user, machine.host.file("/home/eve").mode) == ("root", 0o700)
    assert not machine.host.file("/home/bob/.ssh/authorized_keys").exists
    assert machine.make(unknown="remove")["changes"] == []
    machine.root("rm -rf /home/eve /etc/sudoers.d/90-eve")


def test_a_link_in_a_home_is_a_trap_that_does_not_spring(machine: Machine) -> None:
    """A leaver's `.ssh` that points at root's folder costs root nothing."""
    machine.root("install -d -m 700 /root/trap && echo precious > /root/trap/authorized_keys")
    machine.root("rm -rf /home/bob/.ssh && ln -s /root/trap /home/bob/.ssh")
    machine.make("bob")

    assert machine.host.file("/root/trap/authorized_keys").content_string == "precious\n"
    assert not machine.host.file("/home/bob/.ssh").exists
    machine.root("rm -r /root/trap")
