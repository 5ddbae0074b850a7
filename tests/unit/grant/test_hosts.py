"""What hosts must make of an open grant, and what their judges say of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.accounts import leave, report, state

from haechi.controls import by_id
from haechi.desired import accounts, grants
from haechi.review import expected
from tests.unit.controls import world

NAME = "0123456789abcdef"
FILE = f"haechi_grant-minho-{NAME}"
ROW: dict[str, Any] = {
    "id": NAME,
    "person": "minho",
    "hosts": ["app1"],
    "commands": ["/usr/bin/systemctl restart nginx:*", "/usr/bin/id"],
    "root_shell": False,
    "children": False,
    "from": 1795595000,
    "until": 1795600000,
    "request": "0" * 64,
    "approvers": ["jisoo"],
}


def test_commands_are_exact_for_sudo() -> None:
    """Special characters taken literally, and a command without arguments allows none."""
    made = grants.build(ROW, nopasswd=True)

    assert [row["text"] for row in made["commands"]] == [r"/usr/bin/systemctl restart nginx\:\*", '/usr/bin/id ""']
    assert [row["path"] for row in made["commands"]] == ["/usr/bin/systemctl", "/usr/bin/id"]
    assert made["tags"] == "NOPASSWD: NOEXEC: "
    assert grants.build({**ROW, "children": True}, nopasswd=False)["tags"] == ""


def test_a_root_shell_is_root_s_own_shell() -> None:
    """And no command beside it."""
    made = grants.build({**ROW, "commands": [], "root_shell": True}, nopasswd=True)

    assert [row["text"] for row in made["commands"]] == ['/bin/bash ""', '/usr/bin/bash ""']


def test_the_accounts_of_a_host_know_its_open_grants_alone() -> None:
    """On db1 it is none of theirs."""
    for host, files in (("app1", [FILE]), ("db1", [])):
        made = accounts.build(world.policy(), host, frozenset(), grants=[ROW])
        assert [row["file"] for row in made["grants"]] == files


@pytest.mark.parametrize(("open_now", "removed"), [([{"file": FILE}], []), ([], [f"/etc/sudoers.d/{FILE}"])])
def test_rules_of_a_grant_stay_while_it_is_open(open_now: list[dict[str, str]], removed: list[str]) -> None:
    """And go after it, whatever policy says of unknown files; those stay where it says nothing."""
    current = state.Current(sudoers=(FILE, "site-rules"))
    desired = {"known": [], "accounts": [], "sudoers": [], "unknown_accounts": "report", "grants": open_now}

    found = report.report(current, desired)

    assert [row["path"] for row in report.sudoers_to_remove(found, desired)] == removed


@pytest.mark.parametrize(("who", "files"), [("minho", (f"/etc/sudoers.d/{FILE}",)), ("minho-0", ()), ("min", ())])
def test_a_leaver_s_grant_is_an_open_door(who: str, files: tuple[str, ...]) -> None:
    """Hers and nobody else's."""
    assert leave.doors(state.Current(sudoers=(FILE,)), who, ()).files == files


def judged(control: str, *rows: dict[str, Any]) -> tuple[str, str]:
    """Return what is said of app1, where sudo has what ROW gives."""
    options = [{"authenticate": False}, {"noexec": True}]
    spec = {"Options": options, "Commands": [{"command": ROW["commands"][0]}, {"command": '/usr/bin/id ""'}]}
    rules = {"User_List": [{"username": "minho"}], "Cmnd_Specs": [spec]}
    seen = {"id": NAME, "person": "minho", "until": ROW["until"], "ended": None, "why": "", "rules": True, "running": 0}
    patch = [
        {"at": ["sudo", "rules"], "add": rules},
        {"at": ["sudo", "files"], "copy": "path=/etc/sudoers", "with": {"path": f"/etc/sudoers.d/{FILE}"}},
        {"at": ["grants"], "add": seen},
    ]
    case = world.opened("app1", world.edited(world.answer("app1"), patch))
    known = {**case.desired["accounts"], "grants": accounts.open_grants(rows, "app1")}
    verdict = world.judged(by_id()[control], replace(case, desired={**case.desired, "accounts": known}))
    return str(verdict.status), verdict.seen


@pytest.mark.parametrize("control", ["sudo-exact", "sudo-no-escape", "grants-approved"])
def test_what_is_granted_for_a_time_is_policy_s_too(control: str) -> None:
    """With the approval it passes."""
    assert judged(control, ROW)[0] == "pass"


@pytest.mark.parametrize("control", ["sudo-exact", "grants-approved"])
def test_and_without_the_approval_it_is_not(control: str) -> None:
    """The same rules, and nobody who approved them."""
    status, seen = judged(control)

    assert status == "fail"
    assert "minho" in seen


def test_a_review_expects_what_is_granted() -> None:
    """An open grant is no difference, and says which commands."""
    known = expected.on(world.policy(), "app1", frozenset(), [ROW])

    assert '(root) NOPASSWD: /usr/bin/id ""' in known["minho"].expected.sudo
    assert '(root) NOPASSWD: /usr/bin/id ""' not in known["jisoo"].expected.sudo
