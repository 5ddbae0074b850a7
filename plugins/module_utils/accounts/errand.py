"""Denying people for whoever asked: the module ``revoke``, or a controller that sent this code and waits for lines.

A controller's request is ``{"people": [id], "keys": {id: [line]}, "listed": {}, "check": bool, "nonce": str}``. Its
answer is JSON, one document a line, each with the nonce: ``{"shut": true}`` as soon as nobody of them gets in, and at
last ``people`` as the module returns them, with ``by_itself`` where the host keeps that somebody was denied before, by
the list or by another run, ``list``, the number of the signed list that the host holds,
``changed``, ``changes`` and ``diff``, or ``failed`` with the reason.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts import certificates, change, read, revoke
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Current
from ansible_collections.haechi.guard.plugins.module_utils.pki import held
from ansible_collections.haechi.guard.plugins.module_utils.pull import denied


def answer(
    people: Sequence[str],
    keys: Mapping[str, Sequence[str]],
    listed: Mapping[str, str],
    *,
    check: bool,
    shut: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Look, deny, kill, look again; with ``check`` only look. ``listed`` is what ``revoke.plan`` takes.

    Raises ``AccountError`` or ``OSError``; nobody was denied then.
    """
    current = read.current()
    changes = revoke.plan(current, people, keys, listed)
    shown = change.render(changes)
    if check:
        return {"people": revoke.foresee(current, people, keys), **shown}
    earlier = denied.told(people)

    def keep_and_tell() -> None:
        _keep(current, people)
        shut()

    told = revoke.revoke(changes, people, keys, keep_and_tell)
    shown["changed"] = shown["changed"] or any(row["disarmed"] for row in told.values())
    for who, row in earlier.items():
        told[who]["by_itself"] = row
    return {"people": told, "list": held.sequence(certificates.look().held), **shown}


def _keep(before: Current, people: Sequence[str]) -> None:
    """Keep by which keys these people got in until now, before the controller hears that they do not any more.

    Should it die with what it saw, or another one take over, nobody else could say so.
    """
    found = {who: prints for who in people if (prints := denied.keys(before, who))}
    # A full disk costs the note and not the denial: this run's controller saw the key accepted as well.
    with contextlib.suppress(OSError):
        if found:
            denied.note(found, None, datetime.now(timezone.utc))  # noqa: UP017 - Python 3.11 on hosts


def run(text: str, say: Callable[[str], object]) -> None:
    """Carry a request out and say each document of the answer."""
    request = json.loads(text)

    def tell(document: dict[str, Any]) -> None:
        say(json.dumps({**document, "nonce": request["nonce"]}))

    try:
        asked = (request["people"], request["keys"], request["listed"])
        told = answer(*asked, check=request["check"], shut=lambda: tell({"shut": True}))
    except (change.AccountError, OSError) as error:
        told = {"failed": f"{error}; nobody was denied here"}
    tell(told)
