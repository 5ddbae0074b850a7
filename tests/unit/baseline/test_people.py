"""Ageing frees who has no password and binds who has one; the rest of passwd is judged, not changed."""

from __future__ import annotations

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.baseline import people
from ansible_collections.haechi.guard.plugins.module_utils.baseline.change import Run

ACCOUNTS = """\
root:x:0:0:root:/root:/bin/bash
games:x:5:60:games:/usr/games:/bin/sh
sync:x:4:65534:sync:/bin:/bin/sync
haechi:x:999:999::/var/lib/haechi:/bin/bash
ann:x:1001:1001::/home/ann:/bin/bash
seal:x:1002:1002::/home/seal:/bin/bash
fire:x:1003:1003::/home/fire:/bin/bash
toor:x:0:0::/root:/bin/bash
bob:x:1001:1001::/home/bob:/bin/bash
postgres:x:110:110::/var/lib/postgresql:/bin/bash
"""
SHADOW = """\
root:*:20000:0:99999:7:::
games:$y$j9T$x:20000:0:99999:7:::
sync:*:20000:0:99999:7:::
haechi:!:20000:1:90:7:::
ann:$y$j9T$abc:20000:0:99999:7:::
seal:$6$x$y:20000:1:90:7:::
fire:$6$x$y:20000:1:90:7:::
toor:$1$old:20000:1:90:7:::
bob::20000:1:90:7:::
"""
POLICY = {"max_days": 90, "min_days": 1, "sealed": ["seal"]}
EVERYONE = people.accounts(ACCOUNTS, SHADOW)


def one(name: str) -> people.Account:
    return next(account for account in EVERYONE if account.name == name)


def test_both_files_are_read_together() -> None:
    """An account without a line in shadow has no password, and that is no error."""
    assert people.Account("ann", 1001, 1001, "/home/ann", "/bin/bash", "$y$j9T$abc", 20000, 0, 99999, 7, None) == one(
        "ann"
    )
    assert people.Account("postgres", 110, 110, "/var/lib/postgresql", "/bin/bash", "*") == one("postgres")


@pytest.mark.parametrize(
    ("name", "argv"),
    [
        ("root", None),
        ("postgres", None),
        ("haechi", ("chage", "--maxdays", "-1", "--mindays", "0", "--inactive", "-1", "haechi")),
        ("ann", ("chage", "--maxdays", "90", "--mindays", "1", "ann")),
        ("seal", ("chage", "--maxdays", "-1", "--mindays", "0", "--inactive", "-1", "seal")),
        ("fire", None),
        ("toor", None),
    ],
)
def test_ageing_binds_passwords_and_frees_who_has_none(name: str, argv: tuple[str, ...] | None) -> None:
    """An aged account without a password is locked out of its key login on day 91."""
    changes = people.plan_ageing(one(name), POLICY).changes

    assert (() if argv is None else (Run(argv),)) == tuple(act for change in changes for act in change.acts)


def test_a_stricter_maximum_stays() -> None:
    """The policy is a bound: a site that gave one account 30 days keeps them."""
    strict = people.Account("ann", 1001, 1001, "/home/ann", "/bin/bash", "$y$x", 20000, 1, 30, 7)

    assert people.plan_ageing(strict, POLICY).changes == ()


def test_a_stock_account_loses_shell_and_password() -> None:
    """It is never deleted: its uid is reserved and files may carry it."""
    acts = [act for change in people.plan_stock(one("games"), ["games"]).changes for act in change.acts]

    assert acts == [
        Run(("usermod", "--shell", "/usr/sbin/nologin", "games")),
        Run(("usermod", "--lock", "games")),
    ]
    assert people.plan_stock(one("haechi"), ["games"]).changes == ()


def test_what_a_person_must_judge_is_found() -> None:
    """A second root, shared numbers, shells of system accounts, old and empty passwords."""
    found = {(item.topic, item.target) for item in people.findings(EVERYONE, ["haechi"], ("$y$", "$6$", "$5$"))}

    assert found == {
        ("U-05", "toor"),
        ("U-10", "root"),
        ("U-10", "toor"),
        ("U-10", "ann"),
        ("U-10", "bob"),
        ("U-11", "games"),
        ("U-11", "postgres"),
        ("U-13", "toor"),
        ("U-04", "bob"),
    }


def test_only_groups_of_people_that_hold_nobody_are_orphans() -> None:
    """Debian's empty system groups are by design."""
    group = "adm:x:4:\nann:x:1001:\nleft:x:1500:\nteam:x:1501:ann\n"

    assert [item.target for item in people.orphan_groups(group, EVERYONE)] == ["left"]
