"""What a host has that policy does not: found and named, changed by nobody here. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts import leave, left, state
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Account, Current

# Membership in these is root by another name, or reads every secret.
POWERFUL = frozenset({"root", "sudo", "wheel", "disk", "shadow", "docker", "lxd", "incus-admin", "libvirt"})
SHOWN = 3
# The role recorder writes both: its sudoers file, and what says that a recorder is here.
RECORDER, RECORDS = "haechi_recorder", "/etc/haechi/recorder/watch.json"


def report(current: Current, desired: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the findings, each list sorted and empty when all is known."""
    active = {row["id"]: row for row in desired["accounts"] if row["state"] == "active"}
    return {
        "unknown_accounts": list(_unknown_accounts(current, desired)),
        "unknown_keys": list(_unknown_keys(current, active)),
        "unread_keys": [{"file": row.path, "account": row.account} for row in current.key_files if not row.whole],
        "shared_keys": list(_shared_keys(current)),
        "extra_sudoers": list(_extra_sudoers(current, active, desired)),
        "powerful": list(_powerful(current, active)),
        "foreign_homes": list(_foreign_homes(current, active)),
        "escalated": list(_escalated(current, desired)),
        "left_behind": list(_left_behind(current, desired)),
    }


def _unknown_accounts(current: Current, desired: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    known = {*desired["known"], *(row["id"] for row in desired["accounts"])}
    for account in sorted(current.accounts.values(), key=lambda row: row.name):
        why = _why_unknown(account)
        if why and (account.name not in known or (account.uid == 0 and account.name != "root")):
            yield {"id": account.name, "uid": account.uid, "shell": account.shell, "why": why}


def _why_unknown(account: Account) -> str:
    """Say what makes an account worth a name; a package's locked account without a shell is none."""
    if account.uid == 0:
        return "has user id 0"
    if account.uid >= state.FIRST_UID and account.uid != state.NOBODY:
        return "is no account of a package"
    if account.usable:
        return "has a usable password"
    return "" if account.shell in state.NO_LOGIN_SHELLS else "has a shell"


def _unknown_keys(current: Current, active: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for file in current.key_files:
        row = active.get(file.account)
        ours = {*state.fingerprints(row["keys"])} if row and row["login"] else set()
        if file.text == "" and file.path.startswith(state.KEYS_FOLDER):
            continue
        found = [(line, state.fingerprint(line)) for line in file.text.splitlines()]
        for line, print_ in found:
            if print_ and print_ not in ours:
                yield {"file": file.path, "account": file.account, "fingerprint": print_, "comment": _comment(line)}


def _comment(line: str) -> str:
    words = line.split()
    return words[-1] if words[3:] or (words[2:] and words[0].startswith(("ssh-", "ecdsa-", "sk-"))) else ""


def _shared_keys(current: Current) -> Iterator[dict[str, Any]]:
    holders: dict[str, set[str]] = {}
    for file in current.key_files:
        for print_ in state.fingerprints(file.text.splitlines()):
            holders.setdefault(print_, set()).add(file.account)
    for print_, accounts in sorted(holders.items()):
        if len(accounts) > 1:
            yield {"fingerprint": print_, "accounts": sorted(accounts)}


def _extra_sudoers(current: Current, active: Mapping[str, Any], desired: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    ours = {f"haechi-{name}" for name, row in active.items() if row["sudo"]} | {"README", RECORDER}
    ours |= {row["file"] for row in desired.get("grants", [])}
    for name in current.sudoers:
        if name not in ours:
            # sudo skips names with a dot or a tilde at the end (sudoers(5)): dead today, alive after a rename.
            yield {"path": f"{state.SUDOERS_FOLDER}/{name}", "read_by_sudo": "." not in name and not name.endswith("~")}


def sudoers(desired: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the sudoers files of policy; that people's sudo asks the recorder waits until there is one here.

    Otherwise whoever plays this role alone would shut everybody out of sudo.
    """
    ready = Path(RECORDS).is_file()
    return [row for row in desired["sudoers"] if ready or not str(row["path"]).endswith(f"/{RECORDER}")]


def sudoers_to_remove(found: Mapping[str, list[dict[str, Any]]], desired: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return unknown sudoers files as files that must be absent, where policy says so.

    Rules of a grant that is none, or is over, go in any case: nothing but an approval speaks for them.
    """
    ours = {row["path"] for row in desired["sudoers"]}
    everything = desired["unknown_accounts"] == "remove"
    unknown = [row["path"] for row in found["extra_sudoers"] if row["path"] not in ours]
    extra = [path for path in unknown if everything or state.GRANT.fullmatch(path.rpartition("/")[2])]
    return [{"path": path, "content": None, "mode": "0440", "owner": "root", "group": "root"} for path in extra]


def _powerful(current: Current, active: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for account in sorted(current.accounts.values(), key=lambda row: row.name):
        given = set(active[account.name]["groups"]) if account.name in active else set()
        for group in sorted((account.groups & POWERFUL) - given):
            yield {"id": account.name, "group": group}


def _foreign_homes(current: Current, active: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name in sorted(active):
        account = current.accounts.get(name)
        if account and active[name]["login"] and account.home_uid not in {None, account.uid}:
            yield {"id": name, "home": account.home, "owner": account.home_uid}


def _escalated(current: Current, desired: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in desired["accounts"]:
        if row["state"] != "active":
            for process in leave.doors(current, row["id"], ()).escalated:
                yield {"id": row["id"], "pid": process.pid, "name": process.name, "unit": process.unit}


def _left_behind(current: Current, desired: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in desired["accounts"]:
        if row["state"] != "active":
            for armed in left.kept(current, row["id"]):
                yield {"id": row["id"], "path": armed.path, "how": [*armed.how]}


_SAID: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "unknown_accounts": ("accounts that policy does not know", lambda row: f"{row['id']} ({row['why']})"),
    "unknown_keys": ("keys that policy does not know", lambda row: f"{row['fingerprint']} in {row['file']}"),
    "unread_keys": (
        "key files that are too large to be judged, shorten or remove them by hand",
        lambda row: f"{row['file']} ({row['account']})",
    ),
    "shared_keys": (
        "keys of more than one account",
        lambda row: f"{row['fingerprint']} ({', '.join(row['accounts'])})",
    ),
    "extra_sudoers": ("sudo rules that policy does not know", lambda row: row["path"]),
    "powerful": ("members of groups that are as good as root", lambda row: f"{row['id']} in {row['group']}"),
    "foreign_homes": ("homes that another user id owns", lambda row: f"{row['home']} (uid {row['owner']})"),
    "left_behind": (
        "names of the system's programs in a leaver's folder, remove them by hand",
        lambda row: f"{row['path']} ({', '.join(row['how'])}, {row['id']})",
    ),
    "escalated": ("services with a leaver's rights", lambda row: f"{row['name']} in {row['unit']} ({row['id']})"),
}


def remarks(found: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    """Return one line for each kind of finding."""
    lines = []
    for kind, (title, say) in _SAID.items():
        rows = found[kind]
        if rows:
            more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
            lines.append(f"{title}: {', '.join(say(row) for row in rows[:SHOWN])}{more}")
    return lines
