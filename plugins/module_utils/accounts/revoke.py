"""Denying people on one host: shut every door, end what runs, look again, and say what was seen."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts import (
    apply,
    certificates,
    end,
    leave,
    left,
    read,
    state,
)
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import AccountError, Change, End, Hangup
from ansible_collections.haechi.guard.plugins.module_utils.accounts.end import Ended
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Current


def plan(
    current: Current,
    people: Iterable[str],
    keys: Mapping[str, Sequence[str]],
    listed: Mapping[str, str] | None = None,
) -> tuple[Change, ...]:
    """Return the changes that deny these people, the list of the revoked (``user_ca``, ``revoked``) first.

    Raises ``AccountError`` for an account that must not be ended; nobody is denied then.
    """
    shut = [row for who in people for row in leave.plan(current, who, state.fingerprints(keys.get(who, ())))]
    return (*certificates.plan_list(current.certificates, listed or {}), *shut)


def foresee(current: Current, people: Iterable[str], keys: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """Return what is open for each person, and what the sweep would end."""
    found = {}
    for who in people:
        now = leave.doors(current, who, state.fingerprints(keys.get(who, ())))
        armed = left.near(current.accounts[who]) if who in current.accounts else ()
        found[who] = {
            "exists": who in current.accounts,
            "doors": [*now.describe(), *(f"{', '.join(row.how)} {row.path}" for row in armed)],
            "would_kill": [end.show(process) for process in now.processes],
            "escalated": [end.show(process) for process in now.escalated],
        }
    return found


def revoke(
    changes: tuple[Change, ...],
    people: Iterable[str],
    keys: Mapping[str, Sequence[str]],
    shut: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Apply the changes and look again. A failure is part of the answer: the rest was tried all the same.

    Everybody is denied before anything is ended; ``shut`` is called between the two. What somebody left behind is
    searched last, and near: in the home and where everybody may write. The rest is the role's.
    """
    ended: dict[str, Ended] = {}
    errors: dict[str, str] = {}
    for part in (_doors, _ends):
        for change in changes:
            try:
                ended |= apply.apply((part(change),))
            except AccountError as error:
                errors[change.account] = "; ".join(filter(None, [errors.get(change.account), str(error)]))
        if part is _doors:
            shut()
    # Who is refused by the list is on the account of nobody; while it could not be placed nobody is verified.
    if (listed := errors.pop("root", None)) is not None:
        errors |= {who: "; ".join(filter(None, [errors.get(who), listed])) for who in people}
    after = read.current()
    told = {}
    for who in people:
        disarmed = _disarm(after, who, errors)
        told[who] = judge(after, who, state.fingerprints(keys.get(who, ())), ended, errors) | {"disarmed": disarmed}
    return told


def _disarm(current: Current, who: str, errors: dict[str, str]) -> list[dict[str, str]]:
    """Take the rights off what lies about near, and return it; what stays armed is an error."""
    done, faults = [], []
    try:
        found = left.near(current.accounts[who]) if who in current.accounts else ()
    except (AccountError, OSError) as error:
        found, faults = (), [str(error)]
    for change in left.plan(current, who, lambda _: found):
        try:
            apply.apply((change,))
            done.append({"path": change.what, "how": change.before})
        except AccountError as error:
            faults.append(str(error))
    kept = (row.path for row in found if not row.own)
    faults += [f"{path} is another name of a program of the system: remove it by hand" for path in kept]
    if faults:
        errors[who] = "; ".join(filter(None, [errors.get(who), *faults]))
    return done


def _doors(change: Change) -> Change:
    return replace(change, acts=tuple(act for act in change.acts if not isinstance(act, End | Hangup)))


def _ends(change: Change) -> Change:
    return replace(change, acts=tuple(act for act in change.acts if isinstance(act, End | Hangup)))


def judge(
    after: Current, who: str, prints: Sequence[str], ended: Mapping[str, Ended], errors: Mapping[str, str]
) -> dict[str, Any]:
    """Say for one person what was ended and whether the host itself confirms that she is out."""
    now, did = leave.doors(after, who, prints), ended.get(who, Ended())
    exists = who in after.accounts
    pam = account_phase(who) if exists else "no account"
    escalated = {process.pid: process for process in (*did.escalated, *now.escalated)}
    shut = not now.open and pam in {"refused", "no account", "not installed"}
    return {
        "exists": exists,
        "denied": shut,
        "killed": [end.show(process) for process in did.killed],
        "escalated": [end.show(process) for process in escalated.values()],
        "remaining": [end.show(process) for process in now.processes],
        "open": now.describe(),
        "account_phase": pam,
        "error": errors.get(who),
        "verified": shut and not escalated and who not in errors,
    }


def account_phase(who: str) -> str:
    """Ask PAM as sshd would: refused, passes, or why nobody knows."""
    command = ["pamtester", "sshd", who, "acct_mgmt"]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
            # PAM speaks the language of its environment, and `expired` is looked for in English.
            env={"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        return "not installed"
    except subprocess.TimeoutExpired:
        return "unknown: no answer in 10 s"
    said = (done.stderr or done.stdout).strip()
    if done.returncode == 0:
        return "passes"
    return "refused" if "expired" in said else f"unknown: {said}"
