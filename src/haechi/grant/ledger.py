"""Requests and approvals on record, in the state folder: one folder a request, the documents as they were signed.

Nothing here is believed for being here: signatures are checked again by the keys of policy whenever it is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from haechi import sshsig
from haechi.evidence import EvidenceError, files
from haechi.grant import APPROVAL, REQUEST, GrantError, document, rules
from haechi.grant.document import Approval, Request
from haechi.policy.models import Policy
from haechi.policy.resolve import day_of, keys_of, on_day

FOLDER = "privilege"
ASKED, GRANTED, WITHDRAWN = "request.json", "granted", "withdrawn"
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One request on record, whose signatures hold. ``granted``: hosts were told of it; ``withdrawn``: it is over."""

    request: Request
    approvals: tuple[Approval, ...]
    granted: bool
    withdrawn: bool


def ids(state: Path) -> list[str]:
    """Return the requests on record."""
    folder = state / FOLDER
    return sorted(path.name for path in folder.iterdir() if _ID.fullmatch(path.name)) if folder.is_dir() else []


def read(state: Path, policy: Policy, name: str) -> Entry:
    """Return a request with its approvals. Raises ``GrantError`` where there is none whose signatures hold."""
    if not _ID.fullmatch(name) or name not in ids(state):
        raise GrantError(f"{name!r} is no request on record: see `haechi request list`")
    folder = state / FOLDER / name
    request = _signed(policy, folder / ASKED, Request, REQUEST)
    if request.id != name:
        raise GrantError(f"{folder}: the request there is {request.id}: the record was altered")
    said = tuple(_signed(policy, path, Approval, APPROVAL) for path in sorted(folder.glob("approval-*.json")))
    states = {word: (folder / word).exists() for word in (GRANTED, WITHDRAWN)}
    return Entry(request=request, approvals=said, **states)


def keep_request(state: Path, request: Request, signature: bytes) -> None:
    """Put a request on record. Raises ``GrantError`` for one that was taken before, and ``EvidenceError``."""
    files.folder(state / FOLDER)
    folder = state / FOLDER / request.id
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError as error:
        raise GrantError(f"replayed: request {request.id} was taken already; ask anew for more") from error
    except OSError as error:
        raise files.told(folder, error) from error
    # The signature first: a document that is here has its signature beside it, after a crash too.
    files.swap(folder / f"{ASKED}.sig", signature)
    files.swap(folder / ASKED, request.text())


def keep_approval(state: Path, said: Approval, signature: bytes) -> None:
    """Put an approval on record. Raises ``GrantError`` for a second one of the same person, and ``EvidenceError``."""
    path = state / FOLDER / said.request / f"approval-{said.approver}.json"
    if path.exists():
        raise GrantError(f"replayed: {said.approver} approved {said.request} already, and each person counts once")
    files.swap(path.with_name(f"{path.name}.sig"), signature)
    files.swap(path, said.text())


def mark(state: Path, name: str, word: str) -> None:
    """Remember that a request was granted or withdrawn. Raises ``EvidenceError``."""
    files.swap(state / FOLDER / name / word, b"")


def open_grants(state: Path, policy: Policy, revoked: frozenset[str], now: datetime) -> list[dict[str, Any]]:
    """Return the grants that hosts may hold now, JSON-able: all else that calls itself one is taken from them.

    A grant ends with its window, with the account of whoever asked, and when its signatures or approvers count no more.
    """
    return [row(entry) for entry in _standing(state, policy, revoked, now)]


def row(entry: Entry) -> dict[str, Any]:
    """Return what a host and its judges need of a grant; JSON-able. ``from`` and ``until`` are seconds since 1970."""
    asked = entry.request
    return {
        "id": asked.id,
        "person": asked.person,
        "hosts": list(asked.hosts),
        "commands": list(asked.commands),
        "root_shell": asked.root_shell,
        "children": asked.children,
        "from": int(asked.begins.timestamp()),
        "until": int(asked.ends.timestamp()),
        "request": asked.sha256,
        "approvers": sorted({said.approver for said in entry.approvals}),
    }


def _standing(state: Path, policy: Policy, revoked: frozenset[str], now: datetime) -> Iterator[Entry]:
    asked = rules.Asked(policy=on_day(policy, day_of(now)), revoked=revoked, now=now)
    for name in ids(state):
        folder = state / FOLDER / name
        if not (folder / GRANTED).exists() or (folder / WITHDRAWN).exists() or _over(folder, now):
            continue
        try:
            entry = read(state, policy, name)
            rules.check_grant(asked, entry.request, entry.approvals)
        except (GrantError, EvidenceError):
            continue
        yield entry


def _over(folder: Path, now: datetime) -> bool:
    """Return whether a window is over: what ended years ago costs no look at its signatures."""
    try:
        return datetime.fromisoformat(json.loads((folder / ASKED).read_text())["until"]) <= now
    except (OSError, ValueError, KeyError, TypeError):
        return True


def _signed(policy: Policy, path: Path, model: type[document.Document], namespace: str) -> document.Document:
    text, signature = files.read(path), files.read(path.with_name(f"{path.name}.sig"))
    found = document.read(text, model)
    keys = next((keys_of(policy, one) for one in policy.identities if one.id == found.signer), ())
    if not sshsig.verified(text, signature, namespace, found.signer, keys):
        raise GrantError(f"{path}: altered: the signature is not {found.signer}'s by the keys in policy")
    return found
