"""What an account has on a host: from the host's posture alone, never from policy. Pure.

A section that was not seen leaves None or ``unknown``, never an empty list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from haechi.controls.keys import is_read
from haechi.controls.kisa_item import NO_SHELL
from haechi.observe.posture import Posture, UnknownError
from haechi.observe.sections import Account, Accounts, KeyFile, Sshd, Sudo
from haechi.review import sshdoor, sudorules
from haechi.review.model import NOT_SEEN, Answer, Effective, State, Tried, WaitingKey

T = TypeVar("T")
USABLE = {"set", "empty"}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One host as it was seen; a section is None where ``unseen`` says why. ``tried`` is account to sshd's answer."""

    accounts: Accounts | None
    keys: tuple[KeyFile, ...] | None
    sshd: Sshd | None
    sudo: Sudo | None
    principals: Mapping[str, tuple[str, ...]] | None = None
    unseen: Mapping[str, str]
    tried: Mapping[str, str] = field(default_factory=dict)

    def account(self, name: str) -> Account | None:
        """Return the account of a name; None also where nobody saw the accounts."""
        rows = self.accounts.rows if self.accounts else ()
        return next((row for row in rows if row.name == name), None)

    def groups(self, row: Account) -> tuple[str, ...]:
        """Return the groups of an account, its own by number among them (passwd(5)), but for one of its own name."""
        names = {group.gid: group.name for group in self.accounts.groups} if self.accounts else {}
        return tuple(sorted({*row.groups, names.get(row.gid, str(row.gid))} - {row.name}))

    def all_groups(self, row: Account | None) -> tuple[str, ...]:
        """Return the groups of an account, one of its own name among them."""
        if row is None or self.accounts is None:
            return ()
        return (*self.groups(row), *(group.name for group in self.accounts.groups if group.gid == row.gid))

    def key_files(self, account: str) -> tuple[list[KeyFile], list[KeyFile]]:
        """Return the key files of an account: those that sshd reads, and the others; none while sshd was not seen."""
        if self.sshd is None:
            return [], []
        mine = [file for file in self.keys or () if file.account == account]
        patterns = sshdoor.of(self.sshd, account).get("authorizedkeysfile", "").split()
        read = [file for file in mine if is_read(file, patterns)]
        return read, [file for file in mine if file not in read]


def look(posture: Posture, tried: Mapping[str, str]) -> Seen:
    """Open the sections of a posture that tell of access."""
    unseen: dict[str, str] = {}

    def section(name: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except UnknownError as error:
            unseen[name] = str(error)
            return None

    return Seen(
        accounts=section("accounts", lambda: posture.accounts),
        keys=section("keys", lambda: posture.keys),
        sshd=section("sshd", lambda: sshdoor.running(posture.sshd)),
        sudo=section("sudo", lambda: sudorules.whole(posture.sudo)),
        principals=section("certificates", lambda: posture.certificates.principals),
        unseen=unseen,
        tried=tried,
    )


def blind(why: str) -> Seen:
    """Return a host that nobody saw."""
    return Seen(accounts=None, keys=None, sshd=None, sudo=None, unseen={"host": why})


def of(seen: Seen, account: str) -> Effective:
    """Return what an account has."""
    row = seen.account(account)
    read, waiting = seen.key_files(account)
    lets, why = _sshd(seen, row)
    state = _state(seen, row)
    keys = None if seen.keys is None or seen.sshd is None else _prints(read)
    has = Effective(
        state=state,
        shell=row.shell if row else None,
        password=_password(seen, row),
        keys=keys,
        waiting=tuple(WaitingKey(fingerprint=one, path=f.path) for f in waiting for one in f.fingerprints),
        certificate=_certificate(seen, account),
        sshd=lets,
        sshd_why=why,
        enters=NOT_SEEN,
        tried=_tried(seen.tried.get(account, "")),
        groups=_groups(seen, row),
        sudo=sudorules.of(seen.sudo, account, row, seen.all_groups(row)) if _has_sudo(seen, row) else None,
    )
    return has.model_copy(update={"enters": _enters(seen, row, has)})


def _state(seen: Seen, row: Account | None) -> State:
    if seen.accounts is None:
        return NOT_SEEN
    if row is None:
        return "absent"
    if row.expires is not None and row.expires <= seen.accounts.today:
        return "expired"
    return "locked" if row.password == "locked" else "active"  # noqa: S105 - a word about it


def _password(seen: Seen, row: Account | None) -> Answer:
    if seen.accounts is None:
        return NOT_SEEN
    return _word(row is not None and row.password in USABLE)


def _certificate(seen: Seen, account: str) -> Answer:
    taken = None if seen.sshd is None else sshdoor.takes_certificates(seen.sshd, account, seen.principals)
    return NOT_SEEN if taken is None else _word(taken)


def _groups(seen: Seen, row: Account | None) -> tuple[str, ...] | None:
    if seen.accounts is None:
        return None
    return seen.groups(row) if row else ()


def _has_sudo(seen: Seen, row: Account | None) -> bool:
    """Return whether the rules of an account can be told: those of its groups only where these were seen."""
    return seen.sudo is not None and (row is not None or seen.accounts is not None)


def _sshd(seen: Seen, row: Account | None) -> tuple[Answer, str]:
    if seen.sshd is None:
        return NOT_SEEN, seen.unseen.get("sshd", "") or seen.unseen.get("host", "")
    if row is None:
        return (NOT_SEEN, "the account was not seen") if seen.accounts is None else ("no", "there is no account")
    lets, why = sshdoor.lets(seen.sshd, row, seen.all_groups(row))
    return _word(lets), why


def _enters(seen: Seen, row: Account | None, has: Effective) -> Answer:
    """Return whether somebody gets in by ssh: nothing that was seen bars him, and a way of his is open."""
    if has.state in {"absent", "expired"} or has.sshd == "no" or (row is not None and row.shell in NO_SHELL):
        return "no"
    if row is None or seen.sshd is None:
        return NOT_SEEN
    settings = sshdoor.of(seen.sshd, row.name)
    # Without PAM sshd refuses a locked account whatever key it shows (sshd(8), "LOGIN PROCESS").
    if has.state == "locked" and settings.get("usepam") != "yes":
        return "no"
    if has.keys is None:
        return "yes" if sshdoor.way(settings, key=False, password=row.password) else NOT_SEEN
    if not has.keys and has.certificate == NOT_SEEN:
        return "yes" if sshdoor.way(settings, key=False, password=row.password) else NOT_SEEN
    key = bool(has.keys) or has.certificate == "yes"
    return _word(sshdoor.way(settings, key=key, password=row.password))


def _prints(files: Iterable[KeyFile]) -> tuple[str, ...]:
    return tuple(sorted({print_ for file in files for print_ in file.fingerprints}))


def _tried(result: str) -> Tried:
    known: dict[str, Tried] = {"accepted": "accepted", "refused": "refused", "": ""}
    return known.get(result, NOT_SEEN)


def _word(yes: bool) -> Answer:  # noqa: FBT001 - a truth becoming a word
    return "yes" if yes else "no"
