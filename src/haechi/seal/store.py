"""The seal on record in the state folder: who holds a share, each encrypted to its holder, and the password's hash.

The secret itself is nowhere. Its password is random in 128 bits, so its hash tells nobody anything (NIST SP 800-63B).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, Field, ValidationError

from haechi.evidence import EvidenceError, files
from haechi.policy.models import Kind, Policy, State
from haechi.policy.resolve import share_keys
from haechi.policy.shape import IdentityId
from haechi.review.model import Part
from haechi.seal import SealError, shares

FOLDER, FILE = "break_glass", "seal.json"


class Seal(Part):
    """One sealing of the account."""

    version: Annotated[int, Field(alias="schema", ge=1, le=1)] = 1
    account: IdentityId
    sealed: AwareDatetime
    threshold: int
    hash: Annotated[str, Field(pattern=r"^\$6\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{86}$", repr=False)]
    shares: dict[IdentityId, str]


def path_in(state: Path) -> Path:
    """Return where the seal is kept."""
    return state / FOLDER / FILE


def read(state: Path) -> Seal | None:
    """Return the seal; None where nothing was ever sealed. Raises ``SealError`` for one that cannot be read."""
    path = path_in(state)
    if not path.exists():
        return None
    try:
        return Seal.model_validate_json(files.read(path))
    except (ValidationError, EvidenceError) as error:
        raise SealError(f"{path}: cannot be read: restore it from backup, or seal anew") from error


def make(policy: Policy) -> tuple[Seal, bytes]:
    """Return a new seal and its secret, to be forgotten. Raises ``SealError`` where policy names no holders."""
    account = account_of(policy)
    if policy.break_glass is None or account is None:
        raise SealError("policy has no `break_glass` with holders, or no identity of `kind: break_glass`")
    secret, people = shares.new_secret(), {who.id: who for who in policy.identities}
    parts = shares.split(secret, policy.break_glass.threshold, policy.break_glass.holders)
    keys = {who: share_keys(policy, people[who]) for who in parts}
    sealed = {who: shares.seal_to(keys[who], part) for who, part in parts.items()}
    now = datetime.now(UTC).replace(microsecond=0)
    words = {"account": account, "sealed": now, "threshold": policy.break_glass.threshold}
    return Seal(**words, hash=shares.hashed(secret), shares=sealed), secret


def keep(state: Path, seal: Seal) -> None:
    """Put a seal on record in place of the one before. Raises ``EvidenceError``."""
    files.folder(state / FOLDER)
    files.swap(path_in(state), seal.model_dump_json(by_alias=True, indent=1).encode() + b"\n")


def account_of(policy: Policy) -> str | None:
    """Return the id of the sealed account."""
    found = [who.id for who in policy.identities if who.kind is Kind.BREAK_GLASS and who.state is State.ACTIVE]
    return found[0] if found else None


def recover(seal: Seal, words: list[str]) -> bytes:
    """Return the secret of enough shares. Raises ``SealError``, for shares of an earlier seal too."""
    secret = shares.combine(words)
    if not shares.opens(secret, seal.hash):
        raise SealError(f"these shares are of another seal than that of {seal.sealed}: ask the holders for the newest")
    return secret
