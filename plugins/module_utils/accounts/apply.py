"""Make a plan true. The only place of the accounts that changes a host."""

from __future__ import annotations

import pwd
import subprocess
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils.accounts import end, hold, state
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import (
    AccountError,
    Act,
    Change,
    Delete,
    Disarm,
    End,
    Folder,
    Hangup,
    Hold,
    Remove,
    Revoke,
    Run,
    Settle,
    StripKeys,
    Unmanage,
    WriteFile,
    WriteKeys,
    WriteProgram,
)
from ansible_collections.haechi.guard.plugins.module_utils.accounts.end import Ended
from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.pki import held, krl
from ansible_collections.haechi.guard.plugins.module_utils.pki.certificate import CertificateError
from ansible_collections.haechi.guard.plugins.module_utils.vpn import management


def apply(changes: tuple[Change, ...]) -> dict[str, Ended]:
    """Make every change, in order; what fails stops nothing that denies. Returns what was ended for whom.

    Raises ``AccountError`` with every failure, after all was tried.
    """
    ended: dict[str, Ended] = {}
    failures = []
    for change in changes:
        for act in _settled(change.acts):
            try:
                _perform(act, ended)
            except (AccountError, CertificateError, OSError) as error:
                failures.append(f"{change.account}: {change.what} cannot become {change.after}: {error}")
    if failures:
        raise AccountError("; ".join(failures))
    return ended


def _settled(acts: tuple[Act, ...]) -> tuple[Act, ...]:
    """Return the acts with each folder brought to the disk once, when its last file is removed and nothing is ended."""
    folders = dict.fromkeys(str(Path(act.path).parent) for act in acts if isinstance(act, Remove | StripKeys))
    last = max((at for at, act in enumerate(acts, 1) if isinstance(act, Remove | StripKeys)), default=0)
    return (*acts[:last], *(Settle(folder) for folder in folders), *acts[last:])


def _perform(act: Act, ended: dict[str, Ended]) -> None:
    match act:
        case Run(argv):
            run(argv)
        case Remove(path):
            hold.remove(path)
        case StripKeys(path, fingerprints):
            hold.strip(path, fingerprints)
        case Settle(folder):
            hold.settle(folder)
        case Folder(path, mode, uid, gid):
            hold.folder(path, mode, uid, gid)
        case End(account, uid):
            ended[account] = end.end(account, uid)
        case Disarm(path, place):
            hold.disarm(path, place)
        case Delete(account, home):
            _delete(account, home, ended.get(account))
        case Hangup() | Unmanage():
            _stop(act)
        case _:
            _write(act)


def _stop(act: Hangup | Unmanage) -> None:
    """Have another program of the host end something of an account's, or begin it no more."""
    match act:
        case Hangup(account):
            management.end(account)
        case Unmanage(account):
            run(("systemctl", "mask", f"user@{pwd.getpwnam(account).pw_uid}.service"))


def _write(act: Act) -> None:
    """Replace one file of root's."""
    match act:
        case WriteKeys(account, text):
            files.write(f"{state.KEYS_FOLDER}/{account}", text.encode(), mode=0o644, uid=0, gid=0)
        case WriteFile(path, text):
            files.write(path, text.encode(), mode=0o644, uid=0, gid=0)
        case WriteProgram(path, data):
            files.write(path, data, mode=0o644, uid=0, gid=0)
        case Hold(text):
            held.keep(text, datetime.now(timezone.utc))  # noqa: UP017 - Python 3.11 on hosts
        case Revoke(text, user_ca):
            krl.build(text, user_ca)


def _delete(account: str, home: str, ended: Ended | None) -> None:
    """Remove an account. Its number may be given out again, so the home and what is in it become root's."""
    if ended and (ended.remaining or ended.escalated):
        alive = ", ".join(sorted({process.name for process in (*ended.remaining, *ended.escalated)}))
        raise AccountError(f"{alive} still run as {account}: it is denied, and removed when they are gone")
    row = pwd.getpwnam(account)
    run(("userdel", account))
    if home.startswith("/home/"):
        try:
            hold.folder(home, 0o700, 0, 0, make=False)
        except FileNotFoundError:
            return
        hold.inherit(home, row.pw_uid, row.pw_gid)


def run(argv: tuple[str, ...]) -> None:
    """Run a program to its end.

    Raises ``AccountError`` with the program's own words where it fails.
    """
    result = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if result.returncode:
        said = (result.stderr or result.stdout).strip()
        raise AccountError(f"`{' '.join(argv)}` ended with {result.returncode}: {said}")
