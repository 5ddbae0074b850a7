"""Whose certificates a host takes: the authority it trusts, the accounts they open, and who is revoked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import (
    Change,
    Hold,
    Remove,
    Revoke,
    WriteFile,
)
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Certificates
from ansible_collections.haechi.guard.plugins.module_utils.pki import held, krl

PRINCIPALS = f"{krl.FOLDER}/principals"


def look() -> Certificates:
    """Read the host's files; one that is not there is empty."""
    folder = Path(PRINCIPALS)
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    there = Path(krl.KRL).is_file()
    return Certificates(
        user_ca=_text(krl.USER_CA),
        listed=_text(krl.LIST),
        revoked=krl.entries() if there else None,
        held=_text(held.HELD),
        principals={name: _text(f"{PRINCIPALS}/{name}") for name in names},
    )


def plan(now: Certificates, wanted: Mapping[str, Any], active: Collection[str]) -> Iterator[Change]:
    """Yield what makes the host take the certificates of policy and no other; nothing while there is no authority.

    ``wanted`` is ``{user_ca, revoked, principals: {account: [principal]}}``, ``active`` are the accounts that the host
    does not shut. Who is revoked comes first.
    """
    if not wanted.get("user_ca"):
        return
    yield from plan_list(now, wanted)
    texts = {account: "".join(f"{name}\n" for name in names) for account, names in wanted["principals"].items()}
    texts = {account: text for account, text in texts.items() if account in active}
    for account in sorted({*now.principals, *texts}):
        before, after = now.principals.get(account), texts.get(account)
        if before != after:
            path = f"{PRINCIPALS}/{account}"
            act = Remove(path) if after is None else WriteFile(path, after)
            yield Change(account, "principals", _shown(before), _shown(after), (act,))
    # Last: once the authority is trusted its certificates count, and by then the list and the principals stand.
    authority = f"{wanted['user_ca']}\n"
    if now.user_ca != authority:
        shown = "another" if now.user_ca else "absent"
        yield Change("root", krl.USER_CA, shown, "the authority of policy", (WriteFile(krl.USER_CA, authority),))


def plan_list(now: Certificates, wanted: Mapping[str, Any]) -> Iterator[Change]:
    """Yield what makes the host refuse everybody who is revoked, and hold the signed list that says so."""
    if not wanted.get("user_ca"):
        return
    yield from plan_held(now, wanted.get("listed", ""))
    rows = krl.rows(wanted["revoked"])
    if now.revoked == rows and now.listed == wanted["revoked"]:
        return
    seen = "unreadable" if now.revoked is None else f"{len(now.revoked)} entries"
    acts = (Revoke(wanted["revoked"], wanted["user_ca"]), WriteFile(krl.LIST, wanted["revoked"]))
    yield Change("root", krl.KRL, seen, f"{len(rows)} entries", acts)


def plan_held(now: Certificates, listed: str) -> Iterator[Change]:
    """Yield what makes the host hold a signed list; never one with a lower number than it holds."""
    if listed and held.newer(listed, now.held):
        seen, number = held.sequence(now.held), held.sequence(listed)
        yield Change("root", held.HELD, f"number {seen}" if seen else "absent", f"number {number}", (Hold(listed),))


def _shown(text: str | None) -> str:
    return ", ".join(text.split()) if text else "none"


def _text(path: str) -> str:
    file = Path(path)
    return file.read_text(errors="replace") if file.is_file() else ""
