"""What the receiver in front verifies by, taken from the control node's files. Of a bearer token its digest alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from haechi.hr import tokens
from haechi.policy.models import Policy
from haechi.policy.provisioning import Hr

FOLDER = f"hr/{tokens.FOLDER}"


@dataclass(frozen=True, kw_only=True)
class Handover:
    """File name to text of what is there; of what is not, where it should be and how it is made."""

    texts: Mapping[str, str] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()


NOTHING = Handover()


def names(hr: Hr) -> dict[str, str]:
    """Return the names of the files that the receiver needs, each with how it is made."""
    made = {}
    for source in hr.heard:
        if source.kind in tokens.KINDS:
            made[source.name] = f"run `haechi hr secret {source.name}` for this inventory"
        elif source.keys is not None and not source.keys.startswith("https://"):
            made[source.keys] = f"put the key set of {source.name} there (RFC 7517)"
    return made


def collect(policy: Policy, state: Path) -> Handover:
    """Return what the receiver is handed; nothing where nobody listens."""
    if policy.hr is None or policy.hr.receiver is None:
        return NOTHING
    texts, lacking = {}, []
    for name, mend in names(policy.hr).items():
        path = state / FOLDER / name
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "no text"
            lacking.append(f"{path}: {why}: what HR sends could not be verified: {mend}")
    return Handover(texts=texts, lacking=tuple(lacking))
