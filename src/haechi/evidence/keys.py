"""The key that signs checkpoints: Ed25519, made on first use, readable by its owner alone."""

from __future__ import annotations

import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from haechi.evidence import EvidenceError, canonical, files

PRIVATE, PUBLIC = "key", "key.pub"


def signing_key(folder: Path) -> Ed25519PrivateKey:
    """Return the site's key, made if there is neither key nor log yet.

    Raises ``EvidenceError`` for a key that others may read, that is broken, or that is gone while its log is there.
    """
    path = folder / PRIVATE
    with files.locked(folder / "key.lock"):
        if not path.exists():
            if (folder / PUBLIC).exists() or (folder / "site.jsonl").exists():
                raise EvidenceError(f"{path}: missing beside what it signed: restore it from backup")
            made = Ed25519PrivateKey.generate()
            files.swap(path, made.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
    key = _read(path)
    public = folder / PUBLIC
    if not public.exists():
        files.swap(public, pem(key.public_key()))
    elif _raw(public_key(public)) != _raw(key.public_key()):
        raise EvidenceError(f"{public}: is not the public half of {path}: restore both from one backup")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Return the public key of a PEM file. Raises ``EvidenceError``."""
    data = files.read(path)
    try:
        key = s.load_pem_public_key(data)
    except ValueError as error:
        raise EvidenceError(f"{path}: no public key in PEM: give the key.pub of the site with --key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise EvidenceError(f"{path}: not an Ed25519 key: give the key.pub of the site with --key")
    return key


def sign(key: Ed25519PrivateKey, data: bytes) -> str:
    """Return the signature over the data in hexadecimal."""
    return key.sign(data).hex()


def verified(key: Ed25519PublicKey, data: bytes, signature: object) -> bool:
    """Return whether the signature is the key's, over these very bytes."""
    try:
        key.verify(bytes.fromhex(signature if isinstance(signature, str) else ""), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of the key's 32 bytes, as checkpoints name it."""
    return canonical.digest(_raw(key))


def pem(key: Ed25519PublicKey) -> bytes:
    """Return the key as other tools read it."""
    return key.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)


def _read(path: Path) -> Ed25519PrivateKey:
    data = files.read(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise EvidenceError(
            f"{path}: mode {mode:04o} lets others read the key: run `chmod 600 {path}`; if anyone may have copied it,"
            " note in writing from when on it cannot be trusted"
        )
    try:
        key = s.load_pem_private_key(data, password=None)
    except ValueError as error:
        raise EvidenceError(f"{path}: no private key in PEM: restore it from backup") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise EvidenceError(f"{path}: not an Ed25519 key: restore it from backup")
    return key


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(s.Encoding.Raw, s.PublicFormat.Raw)
