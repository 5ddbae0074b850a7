"""The issuing authority of X.509: its key is made here and stays; the root that signs it is never on this host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.pki import x509
from ansible_collections.haechi.guard.plugins.module_utils.pki.x509 import CHAIN, KEY, ROOT, X509Error

NAME = "issuing authority"


def ensure(folder: Path, desired: Mapping[str, Any] | None, *, check: bool) -> tuple[list[str], dict[str, str]]:
    """Make the issuing key and place what the root signed; return the changes and what is public.

    ``desired`` is ``{root, issuing}``, PEM, empty before the ceremony; then ``issuing_request`` is returned.
    Raises ``X509Error`` where the signed certificate is another key's.
    """
    if desired is None:
        return [], {}
    key = folder / KEY
    changes = [] if key.is_file() else [f"{KEY}: absent -> made"]
    changes += [f"{key}: open to others -> root's alone"] if key.is_file() and _open(key) else []
    if not check:
        if not key.is_file():
            files.write(str(key), x509.new_key("P-384").encode(), mode=0o600, uid=0, gid=0)
        files.set_mode(str(key), 0o600, "root", "root")
    if not desired["issuing"]:
        return changes, {} if check and not key.is_file() else {"issuing_request": x509.request(str(key), NAME)}
    if key.is_file() and x509.read(desired["issuing"]).public != x509.public_of(str(key)):
        raise X509Error(
            f"{key} is not the key that the root signed: put the authority's own key back from its backup, or take"
            " x509_root.pem and x509_issuing.pem out of the state folder and hold the ceremony again (haechi ca root)"
        )
    return [*changes, *_place(folder, {CHAIN: desired["issuing"], ROOT: desired["root"]}, check=check)], {}


def _place(folder: Path, wanted: Mapping[str, str], *, check: bool) -> list[str]:
    changed = [n for n, text in wanted.items() if not (folder / n).is_file() or (folder / n).read_text() != text]
    for name in () if check else changed:
        files.write(str(folder / name), wanted[name].encode(), mode=0o644, uid=0, gid=0)
    return [f"{name}: -> as the root signed it" for name in changed]


def _open(path: Path) -> bool:
    seen = path.stat()
    return bool(seen.st_uid or seen.st_mode & 0o077)
