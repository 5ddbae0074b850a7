"""What is done on every host before any host gives anything: what policy no longer gives goes first. Pure.

Who moves to another job may lose on one host and gain on another. So each host at first makes true what takes away,
and says whether anything waits; what gives comes when all hosts have done so, and not while one is unreachable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts import state
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import Change, Remove
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Account, Current

# By these sshd asks for a factor: who changes hers is not to be without one while another host is away.
FACTORS = "mfa-"
# What ends a command of a rule; a comma of its arguments is escaped (sudoers(5)).
_COMMA = re.compile(r"(?<!\\), ")


def taken(current: Current, desired: Mapping[str, Any]) -> dict[str, Any]:
    """Return what policy wants as far as it gives a person nothing that she does not have on this host."""
    rows = [_row(current, row) for row in desired["accounts"]]
    certificates = dict(desired.get("certificates", {}))
    people = {row["id"] for row in desired["accounts"] if row["kind"] == "person"}
    held = {
        account: [name for name in names if name in current.certificates.principals.get(account, "").split()]
        if account in people
        else names
        for account, names in certificates.get("principals", {}).items()
    }
    certificates["principals"] = {account: names for account, names in held.items() if names}
    # Whose account waits is known all the same: a stranger's would be removed.
    known = [*desired["known"], *people]
    kept = [row for row in rows if row is not None]
    return {**desired, "accounts": kept, "known": known, "certificates": certificates}


def _row(current: Current, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a row that gives nothing; none for an account that is not open here."""
    if row["kind"] != "person" or row["state"] != "active":
        return dict(row)
    account = current.accounts.get(row["id"])
    if account is None or account.expired(current.today):
        return None
    groups = [name for name in row["groups"] if name in account.groups or name.startswith(FACTORS)]
    return {**row, "groups": groups, **_login(account, row)}


def _login(account: Account, row: Mapping[str, Any]) -> dict[str, Any]:
    if row["login"] and account.shell in state.NO_LOGIN_SHELLS:
        return {"login": False, "shell": account.shell}
    return {}


def rules(desired: Mapping[str, Any], texts: Mapping[str, str]) -> Iterator[Change]:
    """Yield what removes a person's sudo rules where they give more than policy; ``texts`` are those there are.

    All of them go, and come again: half a file is no file that sudo has judged.
    """
    names = {f"{state.SUDOERS_FOLDER}/haechi-{row['id']}": row["id"] for row in desired["accounts"]}
    people = {row["id"] for row in desired["accounts"] if row["kind"] == "person" and row["state"] == "active"}
    for row in desired["sudoers"]:
        who = names.get(row["path"])
        if who in people and row["path"] in texts:
            more = given(texts[row["path"]].splitlines()) - given((row["content"] or "").splitlines())
            if more:
                shown = ", ".join(sorted(command for _, command in more))
                yield Change(str(who), "sudo rules", shown, "none for now", (Remove(row["path"]),))


def given(lines: Iterable[str]) -> frozenset[tuple[str, str]]:
    """Return each command of a sudoers file with whose, as whom and how it is run."""
    rules = (line for line in lines if not line.startswith(("Defaults", "#")))
    found = (line.partition(": ") if ": " in line else line.rpartition(") ") for line in rules)
    return frozenset((head, command) for head, _, commands in found for command in _COMMA.split(commands) if command)
