"""The TLS certificates of this host: keys made here, requests for what is due, what was signed put in place."""

from __future__ import annotations

import pwd
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.pki import x509
from ansible_collections.haechi.guard.plugins.module_utils.pki.x509 import X509Error
from ansible_collections.haechi.guard.plugins.module_utils.renewal import run

Leaf = Mapping[str, Any]


@dataclass(frozen=True)
class Due:
    """A leaf that must be signed, and why."""

    leaf: Leaf
    why: str


def due(desired: Mapping[str, Any], now: datetime) -> list[Due]:
    """Return the leaves that are missing, say something else, or have a third of their life left."""
    found = [(leaf, _why(leaf, desired, now)) for leaf in desired["leaves"]]
    return [Due(leaf, why) for leaf, why in found if why]


def _why(leaf: Leaf, desired: Mapping[str, Any], now: datetime) -> str:
    key, place = Path(f"{leaf['path']}.key"), Path(f"{leaf['path']}.pem")
    if not key.is_file() or not place.is_file():
        return "missing"
    text = place.read_text(encoding="ascii", errors="replace")
    try:
        seen, public = x509.read(text), x509.public_of(str(key))
    except X509Error:
        return "damaged"
    if run.due(seen, now):
        return f"ends {seen.ends:%Y-%m-%d}"
    uses = tuple(sorted(x509.USES[leaf["use"]].split(",")))
    said = (seen.names, seen.addresses, seen.uses, seen.public)
    if said != (tuple(leaf["names"]), tuple(leaf["addresses"]), uses, public):
        return "says something else"
    trusted = x509.comes_from(text, desired["issuing"], desired["root"])
    return "" if trusted else "is not signed by the site's authority"


def requests(wanted: Iterable[Due]) -> dict[str, str]:
    """Make a new key for each leaf, as a host that renews by itself does, and return a request for each."""
    return {one.leaf["name"]: x509.request(run.new_key(one.leaf), one.leaf["names"][0]) for one in wanted}


def place(wanted: Iterable[Due], signed: Mapping[str, str]) -> None:
    """Put what was signed in place, each with its new key.

    Raises ``X509Error`` where a host renewed by itself meanwhile.
    """
    for one in wanted:
        run.put(one.leaf, signed[one.leaf["name"]])


def loose(desired: Mapping[str, Any]) -> list[Leaf]:
    """Return the leaves whose key somebody else could read."""
    found = []
    for leaf in desired["leaves"]:
        path = Path(f"{leaf['path']}.key")
        seen = path.stat() if path.is_file() else None
        if seen and (seen.st_mode & 0o077 or seen.st_uid not in {0, pwd.getpwnam(leaf["user"]).pw_uid}):
            found.append(leaf)
    return found


def shut(wanted: Iterable[Leaf]) -> None:
    """Give keys to their users alone."""
    for leaf in wanted:
        files.set_mode(f"{leaf['path']}.key", 0o600, leaf["user"], "root")
