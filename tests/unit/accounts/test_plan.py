"""Accounts: from what is to what policy wants."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.accounts import plan, report
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import AccountError, Run
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import KeyFile, Process

from .conftest import ANN, BOB, TODAY, Paper, account, central, desired, host, wanted

RIGHT = host(account("ann"), key_files=(central("ann", ANN),))
# What differs from RIGHT, and the one line of the plan that mends it.
DRIFT = [
    ("a shell nobody gave", {"shell": "/bin/zsh"}, ("shell", "/bin/zsh", "/bin/bash")),
    ("another name", {"gecos": "Anna"}, ("name", "Anna", "Ann")),
    (
        "a group by hand",
        {"groups": frozenset({"haechi-login", "sudo"})},
        ("groups", "haechi-login, sudo", "haechi-login"),
    ),
    ("a password", {"hash_kind": "set"}, ("password", "set", "none")),
    ("an empty password", {"hash_kind": "empty"}, ("password", "empty", "none")),
    ("an expiry", {"expires": 1}, ("expiry", "day 1", "never")),
    ("ageing", {"max": 90}, ("ageing", f"min 0, max 90, inactive None, changed {TODAY}", "never")),
    ("a change forced", {"changed": 0}, ("ageing", "min 0, max 99999, inactive None, changed 0", "never")),
    ("an open home", {"home_mode": 0o755}, ("home", "0755", "0700")),
    ("no home", {"home_mode": None, "home_uid": None}, ("home", "absent", "0700")),
]


def test_what_is_right_is_left_alone() -> None:
    """Unchanged means no change, and no finding."""
    assert plan.plan(RIGHT, desired(wanted("ann"))) == ()
    assert not any(report.report(RIGHT, desired(wanted("ann"))).values())


@pytest.mark.parametrize(("case", "seen", "line"), DRIFT, ids=[row[0] for row in DRIFT])
def test_drift_is_mended_and_named(case: str, seen: dict, line: tuple[str, str, str]) -> None:
    """One difference makes one change, with what was and what will be."""
    now = replace(RIGHT, accounts={"ann": account("ann", **seen)})

    assert [line] == [(row.what, row.before, row.after) for row in plan.plan(now, desired(wanted("ann")))], case


@pytest.mark.parametrize(
    ("kind", "unmanaged", "lines"),
    [
        ("automation", set(), [("user manager", "one for its logins", "none")]),
        ("automation", {1001}, []),
        ("person", {1001}, [("user manager", "none", "one for its logins")]),
        ("person", {1002}, []),
    ],
)
def test_only_the_automation_logs_in_without_a_user_manager(
    kind: str, unmanaged: set[int], lines: list[tuple[str, str, str]]
) -> None:
    """A person whose number was an automation's gets hers back; the second run finds nothing to do."""
    now, want = replace(RIGHT, unmanaged=frozenset(unmanaged)), desired(wanted("ann", kind=kind))

    changes = plan.plan(now, want)

    assert lines == [(row.what, row.before, row.after) for row in changes]
    assert plan.plan(Paper(now).apply(changes), want) == ()


def test_a_new_automation_has_no_user_manager_from_its_first_login_on() -> None:
    """Its number is known only once the account is there."""
    changes = plan.plan(host(), desired(wanted("ann", kind="automation")))

    assert Paper(host()).apply(changes).unmanaged == {1001}


@pytest.mark.parametrize(
    ("kind", "before", "acts"),
    [
        ("person", {"adm", "haechi-login"}, ["Run", "End"]),
        ("person", set(), ["Run"]),
        ("automation", {"adm", "haechi-login"}, ["Run"]),
    ],
)
def test_who_loses_a_group_loses_the_sessions_that_hold_it(kind: str, before: set[str], acts: list[str]) -> None:
    """What a person moves away from goes first; who only gains goes on working, and no run ends itself."""
    unmanaged = frozenset({1001} if kind == "automation" else ())
    now = replace(RIGHT, accounts={"ann": account("ann", groups=frozenset(before))}, unmanaged=unmanaged)
    (row,) = plan.plan(now, desired(wanted("ann", kind=kind)))

    assert (row.what, [type(act).__name__ for act in row.acts]) == ("groups", acts)


def test_a_new_account_never_ages() -> None:
    """login.defs' 90 days would end a key login (shadow(5))."""
    new, keys = plan.plan(host(), desired(wanted("ann")))

    assert new.acts == (
        Run(
            (
                *("useradd", "--create-home", "--home-dir", "/home/ann", "--key", "HOME_MODE=0700"),
                *("--shell", "/bin/bash", "--comment", "Ann", "--password", "*"),
                *("--key", "PASS_MAX_DAYS=99999", "--key", "PASS_MIN_DAYS=0", "--inactive", "-1"),
                *("--user-group", "--groups", "haechi-login", "ann"),
            )
        ),
    )
    assert keys.what == "keys"


def test_missing_groups_come_before_the_accounts_in_them() -> None:
    """A group that does not exist is refused by useradd."""
    changes = plan.plan(host(), desired(wanted("ann", groups=["dbas", "haechi-login"])))

    assert [row.account for row in changes] == ["dbas", "ann", "ann"]


def test_keys_are_exclusive() -> None:
    """A key that somebody added to the file goes."""
    now = replace(RIGHT, key_files=(central("ann", ANN, BOB),))
    (row,) = plan.plan(now, desired(wanted("ann")))

    assert (row.what, row.acts[0].text) == ("keys", f"{ANN}\n")


def test_a_key_file_that_others_can_change_is_written_anew() -> None:
    """The same text in a file of ann's own is an open invitation."""
    now = replace(RIGHT, key_files=(replace(central("ann", ANN), safe=False),))
    (row,) = plan.plan(now, desired(wanted("ann")))

    assert row.before.endswith("(unsafe)")
    assert Paper(now).apply((row,)).key_files == (central("ann", ANN),)


CONTAINED = "/user.slice/user-1001.slice/user@1001.service/app.slice/run-1.service"
SESSION = "/user.slice/user-1001.slice/session-1.scope"
SHUT = {"expires": 1, "hash_kind": "locked", "shell": "/usr/sbin/nologin", "groups": frozenset()}
ALIVE = [
    ("her own", Process(7, frozenset({1001}), 1001, "sh", SESSION), ["End"]),
    ("a root shell of hers", Process(7, frozenset({0}), 1001, "sh", SESSION), ["End"]),
    ("another's `su` to her", Process(7, frozenset({1001}), 1002, "sh", SESSION), ["End"]),
    ("her cron job", Process(7, frozenset({1001}), 1001, "sh", "/system.slice/cron.service"), ["End"]),
    ("a rootless container of her manager", Process(7, frozenset({300006}), None, "sh", CONTAINED), ["End"]),
    (
        "another's, of a longer number",
        Process(7, frozenset({300006}), None, "sh", CONTAINED.replace("1001", "10010")),
        [],
    ),
    ("another's", Process(7, frozenset({1002}), 1002, "sh", SESSION), []),
    ("the system's", Process(7, frozenset({0}), None, "sshd", "/system.slice/ssh.service"), []),
    ("a service as her", Process(7, frozenset({1001}), None, "w", "/system.slice/w.service"), []),
    ("a container she started", Process(7, frozenset({0}), 1001, "c", "/machine.slice/libpod-1.scope"), []),
]


@pytest.mark.parametrize(("case", "process", "ends"), ALIVE, ids=[row[0] for row in ALIVE])
def test_who_is_denied_already_is_still_swept(case: str, process: Process, ends: list[str]) -> None:
    """What came up since is ended; nobody else's is, and no service."""
    changes = plan.plan(host(account("ann", **SHUT), processes=(process,)), desired(wanted("ann", "disabled")))

    assert [type(act).__name__ for row in changes for act in row.acts] == ends, case


def test_an_account_of_the_system_is_never_taken_over() -> None:
    """An identity named like a Debian account would get its files."""
    with pytest.raises(AccountError, match="belongs to the system"):
        plan.plan(host(account("ann", uid=33)), desired(wanted("ann")))


@pytest.mark.parametrize(
    ("uid", "own", "why"), [(0, set(), "system"), (33, set(), "system"), (1001, {1001}, "came in")]
)
def test_some_accounts_are_never_ended(uid: int, own: set[int], why: str) -> None:
    """Ending root, a system account or the run's own account would end the host or the run."""
    now = host(account("ann", uid=uid), own_uids=frozenset(own))

    with pytest.raises(AccountError, match=why):
        plan.plan(now, desired(wanted("ann", "disabled")))


def test_disabling_denies_before_it_kills() -> None:
    """A killed session comes back in a second while the door is open."""
    now = replace(
        RIGHT,
        sudoers=("README", "haechi-ann"),
        jobs={"ann": ("/var/spool/cron/crontabs/ann",)},
        processes=(Process(7, frozenset({0}), 1001, "sh", "/user.slice/user-1001.slice/session-1.scope"),),
    )
    (row,) = plan.plan(now, desired(wanted("ann", "disabled")))

    assert [type(act).__name__ for act in row.acts] == ["Run", "Remove", "Remove", "Remove", "End"]
    assert row.acts[0].argv == (
        *("usermod", "--expiredate", "1", "--groups", "", "--password", "!*", "--shell", "/usr/sbin/nologin", "ann"),
    )
    assert [act.path for act in row.acts[1:4]] == [
        "/etc/ssh/authorized_keys.d/ann",
        "/etc/sudoers.d/haechi-ann",
        "/var/spool/cron/crontabs/ann",
    ]


def test_a_leaver_s_key_under_another_account_is_a_door() -> None:
    """A copy of her key in root's file lets her in as root."""
    root = KeyFile("/root/.ssh/authorized_keys", "root", f"{BOB}\n{ANN}\n", safe=False)
    now = replace(host(account("ann")), key_files=(root,))
    (row,) = plan.plan(now, desired(wanted("ann", "disabled")))

    assert "key in /root/.ssh/authorized_keys" in row.before
    assert Paper(now).apply((row,)).key_files == (replace(root, text=f"{BOB}\n"),)


def test_absent_is_disabled_and_then_removed() -> None:
    """No account is deleted while something runs as it, and its home stays."""
    changes = plan.plan(RIGHT, desired(wanted("ann", "absent")))

    assert [(row.what, type(row.acts[-1]).__name__) for row in changes] == [("access", "End"), ("account", "Delete")]


def test_an_account_with_a_service_stays_denied() -> None:
    """A service is stopped by a person's decision; the account behind it is not deleted meanwhile."""
    service = Process(7, frozenset({1001}), None, "worker", "/system.slice/worker.service")
    now = replace(RIGHT, processes=(service,))
    changes = plan.plan(now, desired(wanted("ann", "absent")))

    assert [row.what for row in changes] == ["access"]
    assert report.report(now, desired(wanted("ann", "absent")))["escalated"] == [
        {"id": "ann", "pid": 7, "name": "worker", "unit": "/system.slice/worker.service"}
    ]


def test_what_policy_does_not_know_is_named() -> None:
    """Each kind of finding, once."""
    old = {"hash_kind": "locked", "groups": frozenset({"sudo"}), "uid": 1002}
    eve = account("eve", **old)
    toor = account("toor", uid=0, home="/root2")
    files = (central("ann", ANN), KeyFile("/home/eve/.ssh/authorized_keys", "eve", f"{ANN}\n{BOB}\n", safe=False))
    now = host(account("ann"), eve, toor, key_files=files, sudoers=("README", "90-cloud", "old.bak", "haechi-ann"))
    found = report.report(now, desired(wanted("ann", sudo=["ann ALL=(root) /bin/true"])))

    assert [(row["id"], row["why"]) for row in found["unknown_accounts"]] == [
        ("eve", "is no account of a package"),
        ("toor", "has user id 0"),
    ]
    assert [(row["file"], row["comment"]) for row in found["unknown_keys"]] == [
        ("/home/eve/.ssh/authorized_keys", "ann"),
        ("/home/eve/.ssh/authorized_keys", "bob"),
    ]
    assert [row["accounts"] for row in found["shared_keys"]] == [["ann", "eve"]]
    assert found["extra_sudoers"] == [
        {"path": "/etc/sudoers.d/90-cloud", "read_by_sudo": True},
        {"path": "/etc/sudoers.d/old.bak", "read_by_sudo": False},
    ]
    assert found["powerful"] == [{"id": "eve", "group": "sudo"}]


def test_unknown_is_reported_and_removed_only_where_policy_says_so() -> None:
    """A person's home survives either way; user id 0 is left to a person."""
    now = replace(RIGHT, accounts={**RIGHT.accounts, "eve": account("eve", uid=1002), "toor": account("toor", uid=0)})

    assert plan.plan(now, desired(wanted("ann"))) == ()
    assert [(row.account, row.what) for row in plan.plan(now, desired(wanted("ann"), unknown="remove"))] == [
        ("eve", "access"),
        ("eve", "account"),
    ]
