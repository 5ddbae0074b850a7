"""An account that nobody uses is shut, by the record that each release keeps, and opens again by policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from machines import INVENTORY, ROOT, Machine, run

# Each writes a login of bob's 200 days ago as the release would have.
OLD = {
    "trixie": """
import sqlite3, time
with sqlite3.connect("/var/lib/lastlog/lastlog2.db") as database:
    row = ("bob", int(time.time()) - 200 * 86400)
    database.execute("REPLACE INTO Lastlog2 (Name, Time, TTY, RemoteHost, Service) VALUES (?, ?, '', '', 'sshd')", row)
""",
    "bookworm": """
import pwd, struct, time
with open("/var/log/lastlog", "r+b") as file:
    file.seek(pwd.getpwnam("bob").pw_uid * 292)
    file.write(struct.pack("=i32s256s", int(time.time()) - 200 * 86400, b"pts/0", b""))
""",
}


def last(machine: Machine, person: str) -> str:
    """Return what the release's own tool says of a person's last login."""
    tool = {"trixie": "lastlog2", "bookworm": "lastlog"}[machine.name]
    return machine.root(f"LC_ALL=C {tool} --user {person}").splitlines()[-1]


@pytest.fixture
def away(machine: Machine) -> Iterator[Machine]:
    """Return a machine where bob's last login was 200 days ago; afterwards nobody has ever been away."""
    machine.login("ann")
    machine.login("bob")
    machine.root(f"python3 - <<'END'\n{OLD[machine.name]}\nEND")
    yield machine
    machine.root("rm -f /var/lib/lastlog/lastlog2.db; : >/var/log/lastlog")
    converge(machine)
    machine.left_otherwise = False


def converge(machine: Machine) -> str:
    """Run the role, and return what it said in one line."""
    playbook = ROOT / "molecule/accounts/converge.yml"
    done = run("ansible-playbook", "-i", str(INVENTORY), str(playbook), "-l", machine.name)
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(f"{done.stdout} {done.stderr}".split())


def test_a_login_without_a_terminal_is_on_record(machine: Machine) -> None:
    """Debian 12's sshd alone records only those with one: whoever copies files would seem to be away."""
    machine.root("rm -f /var/lib/lastlog/lastlog2.db; : >/var/log/lastlog")
    assert machine.login("ann").returncode == 0

    assert machine.root("date +%Y") in last(machine, "ann")
    assert "bob" not in last(machine, "bob") or "Never" in last(machine, "bob")


def test_who_was_away_for_too_long_is_shut_out_and_let_in_by_a_new_start(away: Machine) -> None:
    """Doors, sudo rules and all; the role has nothing to do a second time; a start of today opens it again."""
    machine = away
    told = converge(machine)
    assert "bob is not known to have logged in for 200 days" in told
    assert machine.login("bob").returncode != 0
    assert machine.login("ann").returncode == 0
    assert machine.root("id -nG bob") == "bob"
    assert not machine.host.file("/etc/sudoers.d/haechi-bob").exists
    assert "changed=0" in converge(machine)

    document = machine.wanted()
    today = int(machine.root("date +%s")) // 86400
    rows: list[dict[str, Any]] = [
        {**row, "start": today} if row["id"] == "bob" else row for row in document["accounts"]
    ]
    machine.module("accounts", {"desired": {**document, "accounts": rows}})
    assert machine.login("bob").returncode == 0
    assert machine.make()["dormant"] == []
    converge(machine)
    assert machine.host.file("/etc/sudoers.d/haechi-bob").exists
    assert "changed=0" in converge(machine)


def test_nobody_is_away_where_nobody_records(away: Machine) -> None:
    """Without a line in PAM an old record says nothing: people may have come and gone."""
    session = "/etc/pam.d/common-session"

    def dormant(days: int) -> list[str]:
        return away.module("accounts", {"desired": {**away.wanted(), "dormant_days": days}}, "--check")["dormant"]

    away.root(f"cp -p {session} /run/hx-session; sed -i '/pam_lastlog/d' {session}")
    unrecorded = [dormant(days) for days in (90, 180)]
    away.root(f"cp -p /run/hx-session {session}")

    assert unrecorded == [[], []]
    assert [dormant(days) for days in (90, 180)] == [["bob"], ["bob"]]


def test_a_password_of_root_does_not_last(machine: Machine) -> None:
    """Nobody stands as root: whoever becomes root does so under a name of their own."""
    machine.root("usermod --password '$6$saltsalt$notthehashofanything' root")
    changes = machine.make()["changes"]

    assert [(row["account"], row["what"], row["after"]) for row in changes] == [("root", "password", "locked")]
    assert machine.root("passwd --status root").split()[1] == "L"
    machine.root("usermod --password '*' root")
