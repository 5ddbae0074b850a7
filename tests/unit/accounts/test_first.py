"""What is done on every host before any gives: who moved loses, and gets nothing yet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.accounts import first, plan
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Certificates, Current

from .conftest import ANN, BOB, account, central, desired, host, wanted

HERE = host(account("ann", groups=frozenset({"haechi-login", "adm"})), key_files=(central("ann", ANN),))
HERE = replace(HERE, groups=HERE.groups | {"adm"})
RULES = "Defaults:ann env_reset\nann ALL=(root) NOEXEC: /usr/bin/id, /usr/bin/printf a\\, b\n"
CLOSED: dict[str, Any] = {"shell": "/usr/sbin/nologin"}
PATH = "/etc/sudoers.d/haechi-ann"


def lines(current: Current, policy: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return what is done now, one line a change."""
    rows = plan.plan(current, first.taken(current, policy))
    return [(row.account, row.what, row.before, row.after) for row in rows]


def test_what_is_right_is_left_alone() -> None:
    """So a run that changes nothing waits for nothing."""
    policy = desired(wanted("ann", groups=["haechi-login", "adm"]))

    assert lines(HERE, policy) == []
    assert plan.plan(HERE, policy) == ()


def test_a_group_of_before_goes_and_a_new_one_waits() -> None:
    """The factor's group is no right: without it sshd asks for what she may not have."""
    policy = desired(wanted("ann", groups=["haechi-login", "games", "mfa-fido2"]))

    assert ("ann", "groups", "adm, haechi-login", "haechi-login, mfa-fido2") in lines(HERE, policy)
    assert not [row for row in lines(HERE, policy) if "games" in str(row)]


def test_an_account_waits_and_a_login_goes() -> None:
    """Who is new here, or shut here, gets nothing; and is no stranger either."""
    policy = {**desired(wanted("ann"), wanted("bob")), "unknown_accounts": "remove"}
    shut = host(account("ann"), account("bob", expires=1, hash_kind="locked", **CLOSED))

    assert not [row for row in lines(HERE, policy) if row[0] == "bob"]
    assert not [row for row in lines(shut, policy) if row[0] == "bob"]
    lost = desired(wanted("ann", login=False, **CLOSED, groups=[]))
    assert {row[1] for row in lines(HERE, lost)} >= {"shell", "groups", "keys"}


def test_a_login_that_the_new_job_gives_waits_with_its_key() -> None:
    """A shell of nobody's stays as it is."""
    closed = host(account("ann", **CLOSED, groups=frozenset()))

    assert lines(closed, desired(wanted("ann"))) == []
    assert plan.plan(closed, desired(wanted("ann")))


def test_a_new_key_does_not_wait() -> None:
    """It is hers and no job's: without any she would be out while some other host is away."""
    policy = desired(wanted("ann", groups=["haechi-login", "adm"], keys=[BOB]))

    assert [row[1] for row in lines(HERE, policy)] == ["keys"]


def test_whoever_is_no_person_waits_for_nothing() -> None:
    """The automation gets in first of all."""
    policy = desired(wanted("robot", kind="automation"))

    assert {row[0] for row in lines(HERE, policy)} >= {"robot"}


def test_a_principal_of_before_goes_and_a_new_one_waits() -> None:
    """A principal is the right to get in as somebody on a class of hosts."""
    now = replace(HERE, certificates=Certificates(user_ca="ca\n", principals={"ann": "web\ndb\n"}))
    policy = desired(wanted("ann", groups=["haechi-login", "adm"]))
    policy["certificates"] = {"user_ca": "ca", "revoked": "", "principals": {"ann": ["db", "edge"], "bob": ["db"]}}

    assert ("ann", "principals", "web, db", "db") in lines(now, policy)
    assert not [row for row in lines(now, policy) if row[0] == "bob"]


@pytest.mark.parametrize(
    ("content", "gone"),
    [
        (RULES, ""),
        (RULES.replace("env_reset", "env_reset, use_pty"), ""),
        (RULES.replace("/usr/bin/id,", "/usr/bin/id, /usr/bin/uptime,"), ""),
        (RULES.replace("/usr/bin/id, ", ""), "/usr/bin/id"),
        (RULES.replace("NOEXEC: ", ""), "/usr/bin/id, /usr/bin/printf a\\, b"),
        (RULES.replace("(root)", "(postgres)"), "/usr/bin/id, /usr/bin/printf a\\, b"),
        (None, "/usr/bin/id, /usr/bin/printf a\\, b"),
    ],
    ids=["same", "defaults", "one more", "one less", "freer before", "as another", "none"],
)
def test_sudo_rules_that_give_more_go_at_once(content: str | None, gone: str) -> None:
    """A rule that only grows is left to the guarded change, which never leaves her without."""
    policy = desired(wanted("ann"))
    policy["sudoers"] = [{"path": PATH, "content": content}]

    assert [(row.account, row.before) for row in first.rules(policy, {PATH: RULES})] == (
        [("ann", gone)] if gone else []
    )
    assert not [*first.rules(policy, {})]
