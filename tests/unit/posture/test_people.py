"""Accounts leave the host without their secrets."""

from __future__ import annotations

import json

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Account, Current, KeyFile, Process
from ansible_collections.haechi.guard.plugins.module_utils.posture.accounts import everybody, key_files, people_at_work
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import NotSeenError

ROOT = "root:x:0:0:root:/root:/bin/bash\n"
GROUP = "root:x:0:\nsudo:x:27:mina,jisoo\n"
SECRET = "$y$j9T$salt$w1VdZ0n1hYkqWvTj1YvT1u"  # noqa: S105 - of nobody


def one(field: str, shadow: str) -> dict[str, object]:
    rows = everybody(f"mina:{field}:1000:1000:,,,:/home/mina:/bin/bash\n", f"mina:{shadow}\n", GROUP)["rows"]
    assert len(rows) == 1
    return rows[0]


@pytest.mark.parametrize(
    ("field", "shadow", "password", "prefix", "in_passwd"),
    [
        ("x", f"{SECRET}:20000:1:90:7:::", "set", "$y$", False),
        ("x", "$6$salt$abc:20000:1:90:7:::", "set", "$6$", False),
        ("x", "$2b$12$abc:20000:1:90:7:::", "set", "$2b$", False),
        ("x", "rLoh1Qd4WlOvE:20000:1:90:7:::", "set", "", False),
        ("x", f"!{SECRET}:20000:1:90:7:::", "locked", "$y$", False),
        ("x", "!:20000::::::", "locked", "", False),
        ("x", "*:20000::::::", "none", "", False),
        ("x", ":20000::::::", "empty", "", False),
        ("", f"{SECRET}:20000:1:90:7:::", "empty", "", False),
        (SECRET, "*:20000::::::", "set", "$y$", True),
        ("*", "*:20000::::::", "none", "", False),
    ],
)
def test_a_password_is_told_as_a_word(field: str, shadow: str, password: str, prefix: str, in_passwd: bool) -> None:  # noqa: FBT001
    """What judges need of a password is whether it opens anything and how it is hashed; the hash itself stays."""
    row = one(field, shadow)

    assert (row["password"], row["hash"], row["hash_in_passwd"]) == (password, prefix, in_passwd)
    assert "salt" not in json.dumps(row)


def test_days_and_groups_come_with_an_account() -> None:
    """Ageing is told as numbers, nothing set as none."""
    assert one("x", "*:20000:1:90:7:14:20500:") == {
        "name": "mina",
        "uid": 1000,
        "gid": 1000,
        "home": "/home/mina",
        "shell": "/bin/bash",
        "password": "none",
        "hash": "",
        "hash_in_passwd": False,
        "changed": 20000,
        "min_days": 1,
        "max_days": 90,
        "expires": 20500,
        "groups": ["sudo"],
    }
    assert one("x", "*:::::::")["max_days"] is None


def test_groups_keep_members_that_no_account_has() -> None:
    """A name in a group that nobody bears yet is a right in waiting."""
    assert everybody(ROOT, "root:*:20000::::::\n", GROUP)["groups"] == [
        {"name": "root", "gid": 0, "members": []},
        {"name": "sudo", "gid": 27, "members": ["mina", "jisoo"]},
    ]


def test_two_lines_for_one_name_are_not_judged() -> None:
    """The second root of passwd may be the one that a program takes."""
    with pytest.raises(NotSeenError, match="two lines for one name"):
        everybody(ROOT + "root:x:0:0::/tmp:/bin/sh\n", "root:*:20000::::::\n", GROUP)


def test_a_key_file_that_was_not_read_whole_is_not_judged() -> None:
    """What is behind its beginning may be anybody's key, so nothing is said of any."""
    now = Current(key_files=(KeyFile("/home/a", "ann", "", safe=False), KeyFile("/home/b", "bob", "", whole=False)))

    with pytest.raises(NotSeenError, match=r"^/home/b: too large to be read whole, shorten or remove it by hand$"):
        key_files(now)
    assert key_files(Current(key_files=now.key_files[:1])) == [
        {"account": "ann", "path": "/home/a", "fingerprints": [], "safe": False}
    ]


def process(pid: int, uid: int, login: int | None) -> Process:
    return Process(pid, frozenset({uid}), login, f"p{pid}", "/system.slice/x.service")


def test_a_process_belongs_to_the_login_that_started_it() -> None:
    """Who became root is still who logged in; a service is nobody's; a number without account stays one."""
    accounts = {
        name: Account(name=name, uid=uid, gid=uid, gecos="", home="/", shell="/bin/sh")  # noqa: S604 - no call
        for name, uid in (("root", 0), ("mina", 1000), ("www-data", 33))
    }
    processes = (
        process(1, 0, None),
        process(2, 0, 1000),
        process(3, 33, None),
        process(4, 1000, None),
        process(5, 0, 1009),
    )

    rows = people_at_work(Current(accounts=accounts, processes=processes))

    assert [(row["account"], row["pid"]) for row in rows] == [("mina", 2), ("mina", 4), ("1009", 5)]
