"""What the control node signs with its own SSH key for a purpose (ssh-keygen(1), -Y), and files swapped in one step.

What is signed is a document without its ``signature``, as ``jq -cS 'del(.signature)'`` prints it.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SIGNER = "haechi"


class SigningError(Exception):
    """ssh-keygen does not sign; the text is its own."""


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return the bytes that a signature is over."""
    return (json.dumps(document, sort_keys=True, separators=(",", ":")) + "\n").encode()


def allowed(namespace: str, public: str) -> str:
    """Return the line of allowed_signers(5) by which a key's signatures count for one purpose."""
    return f'{SIGNER} namespaces="{namespace}" {public}\n'


def make(key: Path, comment: str) -> str:
    """Make a key pair in place of what lies there; return the public line. Raises ``SigningError``."""
    # ssh-keygen asks before it overwrites a key, and nobody is there to answer.
    key.unlink(missing_ok=True)
    made = _keygen("-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(key))
    if made.returncode != 0:
        raise SigningError(made.stderr.decode().strip())
    return key.with_suffix(".pub").read_text().strip()


def sign(key: Path, namespace: str, text: bytes) -> str:
    """Return a detached signature. Raises ``SigningError``."""
    signed = _keygen("-Y", "sign", "-f", str(key), "-n", namespace, "-q", text=text)
    if signed.returncode != 0:
        raise SigningError(signed.stderr.decode().strip())
    return signed.stdout.decode()


def verified(signers: Path, namespace: str, text: bytes, signature: str) -> bool:
    """Return whether one of the allowed signers signed this very text for this purpose."""
    with tempfile.NamedTemporaryFile() as detached:
        detached.write(signature.encode())
        detached.flush()
        check = ["-Y", "verify", "-f", str(signers), "-I", SIGNER, "-n", namespace, "-s", detached.name]
        return _keygen(*check, text=text).returncode == 0


def swap(path: Path, content: bytes) -> None:
    """Replace a file at once, durable on return; a crash leaves the old one or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _keygen(*arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ssh-keygen", *arguments], input=text, capture_output=True, check=False)
