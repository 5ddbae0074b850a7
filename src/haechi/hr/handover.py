"""What the receiver in front verifies by, taken from the control node's files. Of a bearer token its digest alone."""

from __future__ import annotations

from pathlib import Path

from haechi.hr import tokens
from haechi.policy.models import Policy

FOLDER = f"hr/{tokens.FOLDER}"


class HandoverError(Exception):
    """A file is missing; the text says which and how to make it."""


def secrets(policy: Policy, state: Path) -> dict[str, str]:
    """Return file name to text of what the receiver needs; empty where nothing listens.

    Raises ``HandoverError``; no host was touched then.
    """
    if policy.hr is None or policy.hr.receiver is None:
        return {}
    names = []
    for source in policy.hr.sources:
        if source.kind in tokens.KINDS:
            names.append((source.name, f"run `haechi hr secret {source.name}` for this inventory"))
        elif source.keys is not None and source.poll is None and not source.keys.startswith("https://"):
            names.append((source.keys, f"put the key set of {source.name} there (RFC 7517)"))
    return {name: _text(state / FOLDER / name, mend) for name, mend in names}


def _text(path: Path, mend: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise HandoverError(f"{path}: {why}: what HR sends could not be verified: {mend}") from error
