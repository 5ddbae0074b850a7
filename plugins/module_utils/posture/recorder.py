"""What records sudo, what waits to be sent, which alarms stand; TLS certificates, and the keys that sign them."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.alarm import ALARMS
from ansible_collections.haechi.guard.plugins.module_utils.pki import x509
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import Question, Reader, ask, names, octal, read
from ansible_collections.haechi.guard.plugins.module_utils.recorder import watch

LEAVES, AUTHORITY = "/etc/haechi/x509", "/etc/haechi/pki"
QUEUE = "/var/log/sudo_logsrvd"
# Where somebody who holds a ceremony would leave a key, and where it must not be.
SEARCHED = (AUTHORITY, LEAVES, "/root", "/var/lib/haechi", "/run/haechi", "/tmp")  # noqa: S108 - read, not written
MOST = 1 << 16
_PRIVATE = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")


def recorder(_: Question) -> Reader:
    """Return sudo's Defaults as its own tool reads them, who answers it, what waits, and the alarms that stand."""
    rules = ask("cvtsudoers", "-e", "-f", "json", "/etc/sudoers")

    def seen() -> dict[str, Any]:
        oldest = min((at for _, at in watch.waiting(QUEUE)), default=None)
        return {
            "defaults": json.loads(rules.text()).get("Defaults", []),
            "answers": watch.greets("127.0.0.1:30343"),
            "waiting": sum(1 for _ in watch.waiting(QUEUE)),
            "oldest_s": None if oldest is None else max(0, int(time.time() - oldest)),
            "alarms": [name.removesuffix(".json") for name in names(str(ALARMS)) if name.endswith(".json")],
        }

    return seen


def certificates(_: Question) -> Reader:
    """Return TLS certificates and private keys. A key is asked for its public half; nothing of it leaves the host."""
    return lambda: {
        "root": _public(f"{AUTHORITY}/{x509.ROOT}") or _public(f"{LEAVES}/root.pem"),
        "issuing": _public(f"{AUTHORITY}/{x509.CHAIN}"),
        "keys": [*_keys()],
        "leaves": [*_leaves()],
    }


def _public(path: str) -> str:
    try:
        return _short(x509.read(read(path, MOST)).public)
    except (OSError, x509.X509Error):
        return ""


def _short(public: str) -> str:
    return "".join(public.split("\n")[1:-2])


def _keys() -> Iterator[dict[str, Any]]:
    """Yield private keys of X.509 where some could lie, with the public half of each that has no passphrase."""
    for folder in SEARCHED:
        for path in sorted(entry.path for entry in _files(folder)):
            if _PRIVATE.search(read(path, MOST)) is None or "OPENSSH" in read(path, MOST):
                continue
            status = os.lstat(path)
            try:
                public = _short(x509.openssl("pkey", "-in", path, "-pubout", "-passin", "pass:"))
            except x509.X509Error:
                public = ""
            yield {"path": path, "mode": octal(status.st_mode), "uid": status.st_uid, "public": public}


def _files(folder: str) -> list[os.DirEntry[str]]:
    try:
        return [e for e in os.scandir(folder) if e.is_file(follow_symlinks=False) and e.stat().st_size < MOST]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _leaves() -> Iterator[dict[str, Any]]:
    for name in names(LEAVES):
        path = Path(LEAVES, name)
        if path.suffix != ".pem" or name == "root.pem":
            continue
        text = read(str(path), MOST)
        try:
            seen = x509.read(text)
        except x509.X509Error:
            continue
        yield {
            "name": path.stem,
            "names": [*seen.names],
            "addresses": [*seen.addresses],
            "uses": [*seen.uses],
            "begins": seen.begins.isoformat(),
            "ends": seen.ends.isoformat(),
            "public": _short(seen.public),
            "trusted": x509.comes_from(text, text.partition("-----END CERTIFICATE-----\n")[2], _text("root.pem")),
        }


def _text(name: str) -> str:
    return read(f"{LEAVES}/{name}", MOST)
