"""Which shared secrets somebody knew who left or moved, and which of them nobody has changed since.

Due is what an offboarding, or the first run after a change of jobs, wrote down in the state folder; it stays an open
item of every offboarding until ``haechi rotated`` says who changed it and when. That line is a person's word: no host
can show it. Whoever may know a secret is remembered beside it, since policy tells only who may know it now.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from haechi import signing, tombstones
from haechi.policy.leaving import SharedSecret
from haechi.policy.models import Policy

SCHEMA = 1
FILE, HOLDERS = "secrets.json", "secret_holders.json"


class RotationError(Exception):
    """The record cannot be read or written as asked; the text says how to mend it."""


@dataclass(frozen=True, kw_only=True)
class Due:
    """A secret that a leaver or mover knew. ``by`` and ``done`` say who changed it when; empty while nobody did."""

    name: str
    person: str
    since: str
    where: str
    rotate: str
    by: str = ""
    done: str = ""

    def __str__(self) -> str:
        """Return it as an open item."""
        how = f"change it ({self.rotate}), then `haechi rotated {self.name} --by ID`"
        return f"secret {self.name} ({self.where}), which {self.person} knew: {how}"


def known(policy: Policy, person: str) -> tuple[SharedSecret, ...]:
    """Return the shared secrets that a person knows, by job or by name."""
    jobs = {job for who in policy.identities if who.id == person for job in who.jobs}
    return tuple(row for row in policy.shared_secrets if person in row.people or jobs & set(row.jobs))


def read(state: Path) -> tuple[Due, ...]:
    """Return every row on record, changed or not. Raises ``RotationError``."""
    path = state / FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        rows = tuple(Due(**row) for row in document["secrets"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RotationError(f"{path}: no record of secrets ({error}): restore it from backup") from error
    return rows


def open_items(rows: tuple[Due, ...]) -> tuple[Due, ...]:
    """Return what nobody has changed yet."""
    return tuple(row for row in rows if not row.done)


def leave(state: Path, policy: Policy, person: str, at: datetime) -> tuple[Due, ...]:
    """Write down what a leaver knew, once for each leaving; return all that is due. Raises ``RotationError``."""
    with tombstones.locked(state):
        rows = read(state)
        standing = {(row.name, row.person) for row in open_items(rows)}
        told = _row(at)
        new = tuple(
            Due(name=one.name, person=person, since=told, where=one.where, rotate=one.rotate)
            for one in known(policy, person)
            if (one.name, person) not in standing
        )
        if new:
            _write(state, (*rows, *new))
        return open_items((*rows, *new))


def move(state: Path, policy: Policy, at: datetime) -> tuple[Due, ...]:
    """Write down which secrets somebody may know no longer since the last run, by job or by name; return what is new.

    A leaver's were written down when she left. Raises ``RotationError``.
    """
    now = {
        one.name: {who.id for who in policy.identities if one in known(policy, who.id)} for one in policy.shared_secrets
    }
    with tombstones.locked(state):
        before, rows = _holders(state), read(state)
        if before == now:
            return ()
        gone, due = tombstones.read(state).revoked(), {(row.name, row.person) for row in open_items(rows)}
        new = tuple(
            Due(name=one.name, person=person, since=_row(at), where=one.where, rotate=one.rotate)
            for one in policy.shared_secrets
            for person in sorted(before.get(one.name, set()) - now[one.name])
            if person not in gone and (one.name, person) not in due
        )
        if new:
            _write(state, (*rows, *new))
        told = {"schema": SCHEMA, "holders": {name: sorted(people) for name, people in sorted(now.items())}}
        signing.swap(state / HOLDERS, f"{json.dumps(told, indent=1)}\n".encode())
        return new


def _holders(state: Path) -> dict[str, set[str]]:
    path = state / HOLDERS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["holders"]
        return {str(name): {*people} for name, people in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RotationError(f"{path}: no record of who knew what ({error}): restore it from backup") from error


def rotated(state: Path, name: str, by: str, at: datetime) -> tuple[Due, ...]:
    """Write down that somebody changed a secret; return what it was due for.

    Raises ``RotationError`` where it was not due, or whoever knew it is said to have changed it.
    """
    with tombstones.locked(state):
        rows = read(state)
        due = [row for row in open_items(rows) if row.name == name]
        if not due:
            names = ", ".join(sorted({row.name for row in open_items(rows)})) or "none"
            raise RotationError(f"secret {name} is not due; due are: {names}")
        if any(row.person == by for row in due):
            raise RotationError(f"{by} is the one who left or moved: name the person who changed it")
        told = _row(at)
        changed = {row: Due(**{**asdict(row), "by": by, "done": told}) for row in due}
        _write(state, tuple(changed.get(row, row) for row in rows))
        return tuple(changed.values())


def document(rows: tuple[Due, ...]) -> list[dict[str, Any]]:
    """Return rows as JSON has them."""
    return [asdict(row) for row in rows]


def _row(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _write(state: Path, rows: tuple[Due, ...]) -> None:
    text = json.dumps({"schema": SCHEMA, "secrets": document(rows)}, indent=1, ensure_ascii=False)
    signing.swap(state / FILE, f"{text}\n".encode())
