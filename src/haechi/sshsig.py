"""Detached signatures of OpenSSH keys, checked by ``ssh-keygen -Y`` (ssh-keygen(1), PROTOCOL.sshsig)."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

_GOOD = re.compile(r"key (SHA256:\S+)")


class SignatureError(Exception):
    """There is no such signature; the text says why, in ssh-keygen's words where they are its own."""


def signer(text: bytes, signature: bytes, namespace: str) -> str:
    """Return the fingerprint of the key that made a signature over this very text for this purpose.

    Whose key that is is another question. Raises ``SignatureError`` with ssh-keygen's reason.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = _file(folder, "signature", signature)
        # Trusts no key: it asks only whether the signature holds (ssh-keygen(1), -Y check-novalidate).
        done = _keygen("-Y", "check-novalidate", "-n", namespace, "-s", path, text=text)
    found = _GOOD.search(done.stdout.decode(errors="replace"))
    if done.returncode or found is None:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise SignatureError(words[0] if words else "no signature of ssh-keygen")
    return found.group(1)


def verified(text: bytes, signature: bytes, namespace: str, identity: str, keys: Iterable[str]) -> bool:
    """Return whether one of an identity's public keys signed this very text for this purpose."""
    lines = "".join(f'{identity} namespaces="{namespace}" {key}\n' for key in keys)
    with tempfile.TemporaryDirectory() as folder:
        path, allowed = _file(folder, "signature", signature), _file(folder, "allowed_signers", lines.encode())
        arguments = ("-Y", "verify", "-f", allowed, "-I", identity, "-n", namespace, "-s", path)
        return _keygen(*arguments, text=text).returncode == 0


def _file(folder: str, name: str, data: bytes) -> str:
    path = Path(folder) / name
    path.write_bytes(data)
    return str(path)


def _keygen(*arguments: str, text: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["ssh-keygen", *arguments], input=text, capture_output=True, check=False)
    except OSError as error:
        raise SignatureError(f"ssh-keygen cannot be run ({error.strerror}): install openssh-client") from error
