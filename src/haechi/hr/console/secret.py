"""Secrets of sources: made here, shown once, and kept where the worker verifies by them."""

from __future__ import annotations

from haechi.hr import tokens
from haechi.hr.console import ConsoleError
from haechi.hr.console.place import Place
from haechi.policy.problems import did_you_mean


def make(place: Place, name: str, *, keep: bool) -> str:
    """Return a new secret of a source; with ``keep`` the old ones count beside it, until they are taken out.

    Raises ``ConsoleError`` for a source that has none of ours, and ``EvidenceError``.
    """
    known = {source.name: source for source in place.hr.sources}
    if name not in known:
        raise ConsoleError(f"policy has no source {name}: {did_you_mean(name, known)}")
    kind = known[name].kind
    if kind not in tokens.KINDS:
        raise ConsoleError(f"{name} is a {kind}, which proves itself by its own keys: there is no secret to make")
    shown, line = tokens.make(kind)
    tokens.keep(place.folder / tokens.FOLDER / name, line, beside=keep)
    return shown
