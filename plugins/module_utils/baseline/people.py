"""Accounts as /etc/passwd, /etc/shadow and /etc/group have them: ageing, shells, and what a person must judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.baseline.change import Change, Finding, Plan, Run

NOLOGIN = frozenset({"/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false", "/bin/sync"})
# Debian Policy, 9.2.2: the numbers of people.
FIRST, LAST = 1000, 59999
NEVER = 99999


@dataclass(frozen=True)
class Account:
    """One line of passwd with its line of shadow; an empty number is ``None``."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    hash: str
    changed: int | None = None
    min: int | None = None
    max: int | None = None
    warn: int | None = None
    inactive: int | None = None

    @property
    def login(self) -> bool:
        """Whether a shell waits for this account."""
        return self.shell not in NOLOGIN

    @property
    def usable(self) -> bool:
        """Whether some password opens this account (shadow(5): ``!`` and ``*`` match none)."""
        return bool(self.hash) and self.hash[0] not in "!*"


def number(text: str) -> int | None:
    """Return a field of shadow as a number; empty and -1 both mean that nothing is set."""
    return int(text) if text.lstrip("-").isdigit() and int(text) >= 0 else None


def accounts(passwd: str, shadow: str) -> tuple[Account, ...]:
    """Read both files; an account without a line in shadow has no password."""
    ageing = {row[0]: row for row in (line.split(":") for line in shadow.splitlines()) if row[7:]}
    found = []
    for row in (line.split(":") for line in passwd.splitlines()):
        if not row[6:] or not row[2].isdigit():
            continue
        days = ageing.get(row[0], [row[0], "*", *[""] * 7])
        # `x` says that the hash stands in shadow; anything else is the hash itself (passwd(5)).
        secret = days[1] if row[1] == "x" else row[1]
        found.append(
            Account(row[0], int(row[2]), int(row[3]), row[5], row[6], secret, *[number(text) for text in days[2:7]])
        )
    return tuple(found)


def plan_ageing(account: Account, wanted: Mapping[str, Any]) -> Plan:
    """Age the passwords people have; free accounts without one, whose key login ageing would refuse.

    The sealed account's does not age either: it would ask for another in the middle of the emergency, and is replaced
    after each use. The maximum is a bound: a site may have set less for one account.
    """
    seen = f"min {account.min}, max {account.max}, inactive {account.inactive}"
    sealed = account.name in wanted["sealed"]
    if sealed or not account.usable:
        if account.inactive is None and (account.max is None or account.max >= NEVER):
            return Plan()
        # To chage(1) -1 means that nothing is checked.
        free = Run(("chage", "--maxdays", "-1", "--mindays", "0", "--inactive", "-1", account.name))
        what = "sealed" if sealed else "no usable password"
        return Plan((Change("U-02", account.name, f"{what}, {seen}", "not aged", (free,)),))
    top, low = int(wanted["max_days"]), int(wanted["min_days"])
    maximum = top if account.max is None else min(account.max, top)
    minimum = max(account.min or 0, low)
    if (maximum, minimum) == (account.max, account.min):
        return Plan()
    argv = ("chage", "--maxdays", str(maximum), "--mindays", str(minimum), account.name)
    return Plan((Change("U-02", account.name, f"password, {seen}", f"min {minimum}, max {maximum}", (Run(argv),)),))


def plan_stock(account: Account, stock: Iterable[str]) -> Plan:
    """Shut Debian's unused stock accounts: no shell, no password, never deleted (their uids are reserved)."""
    if account.name not in set(stock):
        return Plan()
    changes = []
    if account.login:
        argv = ("usermod", "--shell", "/usr/sbin/nologin", account.name)
        changes.append(Change("U-11", account.name, f"shell {account.shell}", "shell /usr/sbin/nologin", (Run(argv),)))
    if account.usable:
        lock = Run(("usermod", "--lock", account.name))
        changes.append(Change("U-07", account.name, "a usable password", "locked", (lock,)))
    return Plan(tuple(changes))


def findings(everyone: tuple[Account, ...], known: Iterable[str], hashes: tuple[str, ...]) -> tuple[Finding, ...]:
    """Return what a person must judge about accounts; renumbering or deleting them is never a role's work."""
    spoken_for = {*known, "root"}
    many = {uid for uid, count in Counter(account.uid for account in everyone).items() if count > 1}
    found = []
    for who in everyone:
        if who.uid == 0 and who.name != "root":
            found.append(Finding("U-05", who.name, "UID 0", "a second root; look at what it owns, then remove it"))
        if who.uid in many:
            found.append(
                Finding("U-10", who.name, f"UID {who.uid} twice", "give one of them another UID and its files")
            )
        if 0 < who.uid < FIRST and who.login and who.name not in spoken_for:
            found.append(
                Finding("U-11", who.name, f"shell {who.shell}", "a system account with a shell; nologin, or policy")
            )
        if who.usable and not who.hash.startswith(hashes):
            found.append(Finding("U-13", who.name, "an old password hash", "let the owner set the password anew"))
        if not who.hash:
            found.append(Finding("U-04", who.name, "an empty password", "lock it: `usermod --lock`"))
    return tuple(found)


def orphan_groups(group: str, everyone: tuple[Account, ...]) -> tuple[Finding, ...]:
    """Report groups from GID 1000 on that nobody is in; Debian's empty system groups are by design."""
    used = {account.gid for account in everyone}
    rows = [row for row in (line.split(":") for line in group.splitlines()) if row[3:] and row[2].isdigit()]
    empty = [row for row in rows if FIRST <= int(row[2]) <= LAST and not row[3] and int(row[2]) not in used]
    mend = "remove it with `groupdel`, unless files still carry it"
    return tuple(Finding("U-09", row[0], f"GID {row[2]}, empty", mend) for row in empty)
