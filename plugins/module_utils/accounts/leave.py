"""What still lets a person in on a host, and the acts that shut it: deny first, then kill. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ansible_collections.haechi.guard.plugins.module_utils.accounts import certificates, left, state
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import (
    AccountError,
    Act,
    Change,
    Delete,
    End,
    Hangup,
    Remove,
    Run,
    StripKeys,
    WriteFile,
)
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Account, Current, Process

NOLOGIN = "/usr/sbin/nologin"


@dataclass(frozen=True, kw_only=True)
class Doors:
    """Everything by which a person could act on a host now; ``vpn_people`` is the VPN's list as it is without her."""

    account: str = ""
    groups: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    foreign_keys: tuple[str, ...] = ()
    unread_keys: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    lingers: bool = False
    processes: tuple[Process, ...] = ()
    escalated: tuple[Process, ...] = ()
    tunnels: tuple[str, ...] = ()
    vpn_people: str = ""
    silent: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether something is left to shut; services are a person's decision."""
        keys = (*self.foreign_keys, *self.unread_keys)
        ways = (*self.tunnels, *self.silent, *([self.vpn_people] if self.vpn_people else []))
        return any((self.account, self.groups, self.files, keys, ways, self.jobs, self.lingers, self.processes))

    def describe(self) -> list[str]:
        """Name each open door in a few words."""
        parts = [
            *([self.account] if self.account else []),
            *(f"member of {group}" for group in self.groups),
            *self.files,
            *(f"key in {path}" for path in self.foreign_keys),
            *(f"perhaps a key in {path}, too large to be judged" for path in self.unread_keys),
            *(["a place in the VPN"] if self.vpn_people else []),
            *(f"tunnel {tunnel}" for tunnel in self.tunnels),
            *(f"perhaps a tunnel: {what}" for what in self.silent),
            *self.jobs,
            *(["lingering user manager"] if self.lingers else []),
        ]
        names = sorted({process.name for process in self.processes})
        if names:
            parts.append(f"{len(self.processes)} processes ({', '.join(names[:5])})")
        return parts


def doors(current: Current, name: str, fingerprints: Iterable[str]) -> Doors:
    """Return what is open for a person; her keys under another account are doors too."""
    prints, account = frozenset(fingerprints), current.accounts.get(name)
    home = f"{account.home.rstrip('/')}/.ssh/" if account else None
    own = [file.path for file in current.key_files if file.account == name or (home and file.path.startswith(home))]
    others = [file for file in current.key_files if prints and file.path not in own]
    foreign = tuple(file.path for file in others if prints & {*state.fingerprints(file.text.splitlines())})
    unread = tuple(file.path for file in others if not file.whole and file.path not in foreign)
    own += [f"{certificates.PRINCIPALS}/{name}"] if name in current.certificates.principals else []
    files = (*own, *([f"{state.SUDOERS_FOLDER}/haechi-{name}"] if f"haechi-{name}" in current.sudoers else []))
    granted = (file for file in current.sudoers if (match := state.GRANT.fullmatch(file)) and match[1] == name)
    files += tuple(f"{state.SUDOERS_FOLDER}/{file}" for file in granted)
    files += (f"{state.SEEDS_FOLDER}/{name}",) if name in current.seeds else ()
    named = {name} if account is None else {name, str(account.uid)}
    files = (*files, *(f"{state.TICKETS}/{ticket}" for ticket in current.tickets if ticket in named))
    vpn = _by_vpn(current, name)
    found = replace(vpn, files=(*files, *vpn.files), foreign_keys=foreign, unread_keys=unread)
    if account is None:
        return found
    alive = state.of_person(current.processes, account.uid)
    return replace(
        found,
        account=_open_account(account, current.today),
        groups=tuple(sorted(account.groups)),
        jobs=current.jobs.get(name, ()),
        lingers=name in current.lingering,
        processes=tuple(process for process in alive if not state.is_service(process.unit)),
        escalated=tuple(process for process in alive if state.is_service(process.unit)),
    )


def _by_vpn(current: Current, name: str) -> Doors:
    """Return the VPN's part of a person's doors; whoever has a place in it by policy needs no account here."""
    if name in current.vpn_members:
        return Doors()
    return Doors(
        files=(f"{state.VPN_SEEDS_FOLDER}/{name}",) if name in current.vpn_seeds else (),
        tunnels=current.tunnels.get(name, ()),
        silent=current.silent,
        vpn_people=state.without_place(current.vpn_people, name),
    )


def _open_account(account: Account, today: int) -> str:
    faults = [
        *([] if account.expired(today) else ["not expired"]),
        *([] if account.hash_kind == "locked" else ["not locked"]),
        *([] if account.shell in state.NO_LOGIN_SHELLS else [f"shell {account.shell}"]),
    ]
    return f"account {', '.join(faults)}" if faults else ""


def check(current: Current, name: str, kind: str = "person") -> None:
    """Refuse to end what would end the host or this run.

    Raises ``AccountError``.
    """
    account = current.accounts.get(name)
    if account is None:
        return
    if account.uid in {0, state.NOBODY} or (account.uid < state.FIRST_UID and kind != "service"):
        raise AccountError(f"{name} has user id {account.uid}, it belongs to the system: give the identity another id")
    if account.uid in current.own_uids:
        raise AccountError(f"{name} is the account this run came in with: offboard it from another automation account")


def deny(now: Doors, name: str, account: Account | None, fingerprints: Iterable[str]) -> tuple[Act, ...]:
    """Return the acts after which no new login succeeds, whatever runs still."""
    acts: list[Act] = []
    if account is not None and (now.account or now.groups):
        # Day 1, since shadow(5) leaves open what 0 means; a locked password alone lets keys in (usermod(8), --lock).
        # One call: expiry refuses the account phase, `!*` no password opens, no group lets in or gives rights.
        argv = ("usermod", "--expiredate", "1", "--groups", "", "--password", "!*", "--shell", NOLOGIN, name)
        acts.append(Run(argv))
    acts += [Remove(path) for path in now.files]
    acts += [WriteFile(state.VPN_PEOPLE, now.vpn_people)] if now.vpn_people else []
    acts += [StripKeys(path, frozenset(fingerprints)) for path in (*now.foreign_keys, *now.unread_keys)]
    return tuple(acts)


def plan(current: Current, name: str, fingerprints: Iterable[str], *, kind: str = "person") -> tuple[Change, ...]:
    """Return the change that shuts every door of a person; none if all are shut.

    Raises ``AccountError`` for an account that must not be ended.
    """
    prints = tuple(fingerprints)
    now = doors(current, name, prints)
    if not now.open:
        return ()
    check(current, name, kind)
    account = current.accounts.get(name)
    acts = deny(now, name, account, prints)
    # After she is denied: a client comes back within a second.
    acts = (*acts, *((Hangup(name),) if now.tunnels or now.silent else ()))
    if account is not None:
        # Jobs before the kill: cron and at would start the next process a moment after it.
        acts = (*acts, *(Remove(path) for path in now.jobs), End(name, account.uid))
    return (Change(name, "access", "; ".join(now.describe()), "denied", acts),)


def plan_disabled(
    current: Current, name: str, fingerprints: Iterable[str], *, kind: str = "person"
) -> tuple[Change, ...]:
    """Return the changes that deny a person and take the rights off what lies about of hers."""
    return (*plan(current, name, fingerprints, kind=kind), *left.plan(current, name))


def plan_absent(
    current: Current, name: str, fingerprints: Iterable[str], *, kind: str = "person"
) -> tuple[Change, ...]:
    """Return the changes that deny a person and then remove the account; an account with services stays, denied."""
    account = current.accounts.get(name)
    changes = plan(current, name, fingerprints, kind=kind)
    if account is None or account.uid < state.FIRST_UID:
        return changes
    changes = (*changes, *left.plan(current, name))
    check(current, name, kind)
    if doors(current, name, fingerprints).escalated:
        return changes
    return (*changes, Change(name, "account", f"uid {account.uid}", "absent", (Delete(name, account.home),)))
