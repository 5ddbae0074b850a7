"""From the accounts there are to the accounts policy wants. Pure: the plan is a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts import certificates, leave, report, state
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import (
    AccountError,
    Act,
    Change,
    End,
    Folder,
    Remove,
    Run,
    Unmanage,
    WriteKeys,
)
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Account, Current
from ansible_collections.haechi.guard.plugins.module_utils.pull import install


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One account as policy wants it."""

    id: str
    kind: str
    name: str
    state: str
    login: bool
    shell: str
    keys: tuple[str, ...]
    groups: frozenset[str]

    @property
    def service(self) -> bool:
        """Whether a program owns the account: packages put it into groups and may give it a password."""
        return self.kind == "service"

    @property
    def keeps_password(self) -> bool:
        """Whether its password is another's affair: a package's, or of the sealed account whoever seals it."""
        return self.service or self.kind == "break_glass"

    @property
    def key_text(self) -> str:
        """Return the text of its key file."""
        return "".join(f"{key}\n" for key in self.keys) if self.login else ""


def wanted(desired: Mapping[str, Any]) -> tuple[Wanted, ...]:
    """Read the accounts of the desired document."""
    return tuple(
        Wanted(
            id=row["id"],
            kind=row["kind"],
            name=row["name"],
            state=row["state"],
            login=row["login"],
            shell=row["shell"],
            keys=tuple(row["keys"]),
            groups=frozenset(row["groups"]),
        )
        for row in desired["accounts"]
    )


def plan(current: Current, desired: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return everything to change, leavers first; empty means unchanged.

    Raises ``AccountError`` for what must not be done to a host.
    """
    rows = wanted(desired)
    current = replace(current, vpn_members=frozenset(desired.get("vpn_members", ())))
    gone = [row for row in rows if row.state != "active"]
    stay = [row for row in rows if row.state == "active"]
    changes = [*certificates.plan(current.certificates, desired.get("certificates", {}), {row.id for row in stay})]
    changes += certificates.plan_held(current.certificates, desired.get("pull", {}).get("listed", ""))
    for row in gone:
        ending = leave.plan_disabled if row.state == "disabled" else leave.plan_absent
        changes += ending(current, row.id, state.fingerprints(row.keys), kind=row.kind)
    changes += _root(current)
    changes += _groups(current, stay)
    for row in stay:
        account = current.accounts.get(row.id)
        changes += _new(current, row) if account is None else _mend(account, row)
    changes += _managers(current, stay)
    changes += _keys(current, stay)
    changes += install.plan(desired.get("pull", {}))
    if desired["unknown_accounts"] == "remove":
        changes += _unknown(current, desired)
    return tuple(changes)


def _root(current: Current) -> Iterator[Change]:
    """Lock root: everybody becomes root by sudo and a name of their own, or by the sealed account."""
    root = current.accounts.get("root")
    if root is not None and root.usable:
        yield Change("root", "password", root.hash_kind, "locked", (Run(("usermod", "--password", "!*", "root")),))


def _groups(current: Current, rows: list[Wanted]) -> Iterator[Change]:
    needed = sorted({group for row in rows for group in row.groups} - current.groups)
    for group in needed:
        yield Change(group, "group", "absent", "present", (Run(("groupadd", "--system", group)),))


def _new(current: Current, row: Wanted) -> Iterator[Change]:
    own = ("--gid", row.id) if row.id in current.groups else ("--user-group",)
    # login.defs ages passwords; an account without one would be refused when its age runs out.
    ageing = ("--key", "PASS_MAX_DAYS=99999", "--key", "PASS_MIN_DAYS=0", "--inactive", "-1")
    home: tuple[str, ...] = ("--create-home", "--home-dir", f"/home/{row.id}", "--key", "HOME_MODE=0700")
    if row.service and not row.login:
        home = ("--system", "--no-create-home", "--home-dir", "/nonexistent", "--key", "HOME_MODE=0700")
    groups = ("--groups", ",".join(sorted(row.groups))) if row.groups else ()
    look = ("--shell", row.shell, "--comment", row.name, "--password", "*")
    argv = ("useradd", *home, *look, *ageing, *own, *groups, row.id)
    yield Change(row.id, "account", "absent", f"active, groups {_list(row.groups)}", (Run(argv),))


def _mend(account: Account, row: Wanted) -> Iterator[Change]:
    _refuse_system(account, row)
    options: list[tuple[str, str, str, tuple[str, ...]]] = []
    if account.expires is not None:
        options.append(("expiry", f"day {account.expires}", "never", ("--expiredate", "")))
    if account.hash_kind != "none" and not row.keeps_password:
        options.append(("password", account.hash_kind, "none", ("--password", "*")))
    if account.shell != row.shell:
        options.append(("shell", account.shell, row.shell, ("--shell", row.shell)))
    if account.gecos != row.name:
        options.append(("name", account.gecos, row.name, ("--comment", row.name)))
    groups = row.groups | account.groups if row.service else row.groups
    if account.groups != groups:
        argument = ",".join(sorted(groups))
        options.append(("groups", _list(account.groups), _list(groups), ("--groups", argument)))
    for what, before, after, argv in options:
        # Whoever moved takes the groups of before along in each open session (credentials(7)).
        stale = what == "groups" and row.kind == "person" and account.groups - groups
        acts: tuple[Act, ...] = (Run(("usermod", *argv, row.id)),)
        yield Change(row.id, what, before, after, (*acts, End(row.id, account.uid)) if stale else acts)
    yield from _ageing(account, row)
    yield from _home(account, row)


def _refuse_system(account: Account, row: Wanted) -> None:
    if account.uid < state.FIRST_UID and not row.service:
        raise AccountError(
            f"{row.id} exists with user id {account.uid} and belongs to the system: give the identity another id"
        )


def _ageing(account: Account, row: Wanted) -> Iterator[Change]:
    if row.keeps_password and account.usable:
        return
    free = account.inactive is None and not account.min and (account.max is None or account.max >= state.NEVER)
    # Day 0 means "change it at the next login", which a key login cannot (shadow(5)).
    if free and account.changed != 0:
        return
    seen = f"min {account.min}, max {account.max}, inactive {account.inactive}, changed {account.changed}"
    argv = ["chage", "--mindays", "0", "--maxdays", "99999", "--inactive", "-1"]
    argv += ["--lastday", "-1"] if account.changed == 0 else []
    yield Change(account.name, "ageing", seen, "never", (Run((*argv, account.name)),))


def _home(account: Account, row: Wanted) -> Iterator[Change]:
    if not row.login:
        return
    act = Folder(account.home, 0o700, account.uid, account.gid)
    if account.home_mode is None and account.home.startswith("/home/"):
        yield Change(row.id, "home", "absent", "0700", (act,))
    elif account.home_mode is not None and account.home_uid == account.uid and account.home_mode & 0o77:
        yield Change(row.id, "home", f"{account.home_mode:04o}", "0700", (act,))


def _managers(current: Current, rows: list[Wanted]) -> Iterator[Change]:
    """Spare the automation its user manager: to start one costs a host as much as the login, and nobody asks it.

    A person who has the number now gets hers back.
    """
    for row in rows:
        account = current.accounts.get(row.id)
        unmanaged = account is not None and account.uid in current.unmanaged
        if row.kind == "automation" and not unmanaged:
            yield Change(row.id, "user manager", "one for its logins", "none", (Unmanage(row.id),))
        elif row.kind == "person" and account is not None and unmanaged:
            act = Run(("systemctl", "unmask", f"user@{account.uid}.service"))
            yield Change(row.id, "user manager", "none", "one for its logins", (act,))


def _keys(current: Current, rows: list[Wanted]) -> Iterator[Change]:
    seen = {file.path: file for file in current.key_files}
    if not current.keys_folder and any(row.key_text for row in rows):
        folder = Folder(state.KEYS_FOLDER, 0o755, 0, 0)
        yield Change("root", state.KEYS_FOLDER, "absent or unsafe", "root's, 0755", (folder,))
    for row in rows:
        file = seen.get(f"{state.KEYS_FOLDER}/{row.id}")
        before, after = file.text if file else "", row.key_text
        if before == after and (file is None or (file.safe and file.whole)) and (file is None) == (not after):
            continue
        act: Act = WriteKeys(row.id, after) if after else Remove(f"{state.KEYS_FOLDER}/{row.id}")
        shown = _list(state.fingerprints(before.splitlines())) + ("" if file is None or file.safe else " (unsafe)")
        yield Change(row.id, "keys", shown, _list(state.fingerprints(row.keys if after else ())), (act,))


def _unknown(current: Current, desired: Mapping[str, Any]) -> Iterator[Change]:
    """Remove what nobody knows. An account of the system is a person's decision: other programs may need it."""
    found = report.report(current, desired)
    removed = {row["id"] for row in found["unknown_accounts"] if row["uid"] >= state.FIRST_UID}
    for name in sorted(removed):
        yield from leave.plan_absent(current, name, ())
    own = {path for name in removed for path in leave.doors(current, name, ()).files}
    # Key files that policy governs are made exact, or removed with their account, by the changes above.
    own |= {f"{state.KEYS_FOLDER}/{row.id}" for row in wanted(desired)}
    ended = {row.id for row in wanted(desired) if row.state != "active"}
    accounts = {file.path: file.account for file in current.key_files}
    for path in sorted({row["file"] for row in (*found["unknown_keys"], *found["unread_keys"])} - own):
        if accounts[path] not in ended:
            yield Change(accounts[path], "unknown keys", path, "absent", (Remove(path),))


def _list(items: object) -> str:
    return ", ".join(sorted(items)) if isinstance(items, frozenset | tuple) and items else "none"
