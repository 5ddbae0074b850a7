"""Whose certificates this host takes and refuses, its own, and whether an authority's keys lie open."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts import certificates as taken
from ansible_collections.haechi.guard.plugins.module_utils.accounts import state
from ansible_collections.haechi.guard.plugins.module_utils.pki import certificate, krl
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import Question, Reader, octal

HOST_CERTIFICATE = "/etc/ssh/ssh_host_ed25519_key-cert.pub"
AUTHORITY = "/etc/haechi/pki"
WRITABLE_BY_OTHERS = 0o022


def certificates(_: Question) -> Reader:
    """Files that sshd reads, as the programs that read them take them. No private key is opened."""
    return _seen


def _seen() -> dict[str, Any]:
    now = taken.look()
    return {
        "user_ca": [*state.fingerprints(now.user_ca.splitlines())],
        "revoked": None if now.revoked is None else sorted(now.revoked),
        "principals": {account: text.split("\n")[:-1] for account, text in now.principals.items()},
        "unsafe": sorted(_unsafe()),
        "host": _host(),
        "authority": [*_authority(Path(AUTHORITY))],
    }


def _unsafe() -> Iterator[str]:
    """Yield what others than root could change: whoever writes here lets himself in."""
    places = [Path(krl.FOLDER), *Path(krl.FOLDER).rglob("*")] if Path(krl.FOLDER).exists() else []
    for place in places:
        seen = os.lstat(place)
        if seen.st_uid or stat.S_ISLNK(seen.st_mode) or seen.st_mode & WRITABLE_BY_OTHERS:
            yield str(place)


def _host() -> dict[str, Any] | None:
    try:
        seen = certificate.read(HOST_CERTIFICATE)
    except certificate.CertificateError:
        return None
    return {
        "id": seen.id,
        "key": seen.key,
        "ca": seen.ca,
        "kind": seen.kind,
        "begins": seen.begins.isoformat(),
        "ends": seen.ends.isoformat(),
        "principals": [*seen.principals],
    }


def _authority(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the folder of an authority and the private keys in it, by mode and owner alone."""
    for path in (folder, *sorted(folder.glob("*_ca"))) if folder.is_dir() else ():
        seen = os.lstat(path)
        yield {"path": str(path), "mode": octal(seen.st_mode), "uid": seen.st_uid}
