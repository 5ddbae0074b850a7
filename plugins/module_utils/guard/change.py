"""One guarded change on the host: lock, compare, validate, save, arm, swap, activate; later keep or put back."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.guard import files as guarded
from ansible_collections.haechi.guard.plugins.module_utils.guard import (
    grant,
    pam,
    people,
    queued,
    rollback,
    sealed,
    store,
)
from ansible_collections.haechi.guard.plugins.module_utils.guard.nft import Nftables
from ansible_collections.haechi.guard.plugins.module_utils.guard.refusal import RefusedError
from ansible_collections.haechi.guard.plugins.module_utils.guard.sshd import Sshd
from ansible_collections.haechi.guard.plugins.module_utils.guard.subsystem import Subsystem
from ansible_collections.haechi.guard.plugins.module_utils.guard.sudo import Sudo

SUBSYSTEMS: dict[str, type[Subsystem]] = {
    "nftables": Nftables,
    "sshd": Sshd,
    "pam": pam.Pam,
    "sudo": Sudo,
    "grant": grant.Grant,
    "sealed": sealed.Sealed,
    "ids": queued.Queued,
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a task asks for."""

    subsystem: str
    files: list[dict[str, Any]]
    options: Mapping[str, Any]
    prove: Mapping[str, Any]
    rollback_after: int
    owner: str
    check: bool


def begin(asked: Asked) -> dict[str, Any]:
    """Compare, and if something differs swap it with the way back armed.

    Returns ``{changed, diff}``, and for a swap that must now be proven ``token`` and ``entitled``, the ids that
    got in before. Raises ``RefusedError``: then the old state is in force.
    """
    subsystem = SUBSYSTEMS[asked.subsystem](asked.options, asked.prove, check=asked.check)
    if asked.check:
        return _compare(asked, subsystem)[1] | {"remarks": subsystem.remarks()}
    token = secrets.token_hex(16)
    # Before the look: two controllers would else each plan from the other's half-made change.
    store.lock(token, asked.owner, asked.rollback_after)
    armed = False
    try:
        changes, result = _compare(asked, subsystem)
        if result["changed"]:
            result |= _swap(asked, subsystem, changes, token)
            armed = True
    finally:
        # While a change is pending the lock stays: it ends with the proof, the timer or the next boot.
        if not armed and not (store.STATE / rollback.PENDING).exists():
            store.unlock(token)
    return result | {"remarks": subsystem.remarks()}


def _compare(asked: Asked, subsystem: Subsystem) -> tuple[tuple[guarded.Change, ...], dict[str, Any]]:
    after = [guarded.wanted(entry) for entry in [*asked.files, *subsystem.more()]]
    changes = guarded.plan([guarded.current(file.path) for file in after], after)
    drift = not changes and subsystem.fingerprint() != store.effective(asked.subsystem)
    if not changes and not drift:
        return changes, {"changed": False, "diff": []}
    subsystem.validate(after)
    diff = guarded.diff(changes)
    if drift:
        what = f"what runs is not what was last proven ({asked.subsystem})"
        diff.append({"before_header": asked.subsystem, "after_header": asked.subsystem, "before": what, "after": ""})
    return changes, {"changed": True, "diff": diff}


def _swap(asked: Asked, subsystem: Subsystem, changes: tuple[guarded.Change, ...], token: str) -> dict[str, Any]:
    # Asked before anything changes: only who got in before shows that the change shut somebody out.
    entitled = _entitled(asked)
    way = subsystem.way_back()
    store.reserve(guarded.space(changes) + sum(map(len, way.extra.values())))
    store.save(token, asked.subsystem, [*(c.before for c in changes), *way.files], way.commands, way.extra)
    # Before the first file is touched: from here on a crash at any line ends in the old state.
    store.arm(token, asked.rollback_after)
    try:
        for change in changes:
            _place(change.after)
        subsystem.activate()
        _still_admitted(entitled)
    except (RefusedError, OSError) as error:
        raise RefusedError(f"{error}; {put_back()}") from error
    return {"token": token, "entitled": sorted(entitled)}


def _place(file: guarded.File) -> None:
    path = Path(file.path)
    if file.content is None:
        rollback.remove(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    rollback.write(path, file.content, file.mode, file.uid, file.gid)


def _entitled(asked: Asked) -> set[str]:
    getting_in = set(Sshd({}, asked.prove).entitled()) if people.KEYS.is_dir() else set()
    return {who for who in getting_in if pam.admitted("sshd", who)}


def _still_admitted(entitled: set[str]) -> None:
    shut_out = sorted(who for who in entitled if not pam.admitted("sshd", who))
    if shut_out:
        raise RefusedError(f"PAM's account phase now refuses {', '.join(shut_out)}, whom it let in before")


def keep(asked: Asked, token: str) -> dict[str, Any]:
    """Keep a proven change, and remember what runs."""
    store.commit(token)
    fingerprint = SUBSYSTEMS[asked.subsystem](asked.options, asked.prove).fingerprint()
    store.keep_effective(asked.subsystem, fingerprint)
    return {"changed": True}


def put_back() -> str:
    """Put the old state back at once; return what was done in words."""
    done = rollback.restore("asked")
    store.stop_timer()
    return done


def status(token: str) -> dict[str, Any]:
    """Return what became of a change: ``pending``, ``restored`` or ``kept``, and the words of the last restore."""
    pending = store.STATE / rollback.PENDING
    if pending.exists():
        return {"changed": False, "state": "pending"}
    last = store.STATE / rollback.LAST
    found = json.loads(last.read_text()) if last.is_file() else {}
    state = "restored" if found.get("token") == token else "kept"
    return {"changed": False, "state": state, "why": found.get("why"), "unmended": found.get("unmended", [])}


def whose() -> str:
    """Return who runs this, for the message to a second controller."""
    return os.environ.get("SSH_CONNECTION", "this host").split()[0]
