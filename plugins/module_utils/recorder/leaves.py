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
    """Make the keys that are missing or damaged, and return a request for each leaf."""
    asked = {}
    for one in wanted:
        path = Path(f"{one.leaf['path']}.key")
        if not path.is_file() or one.why == "damaged":
            _write(path, x509.new_key(), one.leaf, 0o600)
        asked[one.leaf["name"]] = x509.request(str(path), one.leaf["names"][0])
    return asked


def place(wanted: Iterable[Due], signed: Mapping[str, str]) -> None:
    """Put what was signed beside its key."""
    for one in wanted:
        _write(Path(f"{one.leaf['path']}.pem"), signed[one.leaf["name"]], one.leaf, 0o644)


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


def _write(path: Path, text: str, leaf: Leaf, mode: int) -> None:
    files.write(str(path), text.encode(), mode=mode, uid=pwd.getpwnam(leaf["user"]).pw_uid, gid=0)
