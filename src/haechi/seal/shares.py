"""Splitting a secret among holders (SLIP-39), each share readable by its holder's SSH key alone (age)."""

from __future__ import annotations

import base64
import secrets
import subprocess
from collections.abc import Iterable, Sequence

import shamir_mnemonic
from pyrage import DecryptError, IdentityError, RecipientError, decrypt, encrypt, ssh

from haechi.seal import SealError

SECRET_BYTES = 16
# What age encrypts to; a key in a security token signs and cannot decrypt.
READABLE = ("ssh-ed25519", "ssh-rsa")
# The secret is random in full length: stretching it would only slow the emergency.
EXPONENT = 0


def split(secret: bytes, threshold: int, holders: Sequence[str]) -> dict[str, str]:
    """Return a share of words for each holder; any ``threshold`` of them give the secret back, fewer say nothing."""
    (group,) = shamir_mnemonic.generate_mnemonics(1, [(threshold, len(holders))], secret, iteration_exponent=EXPONENT)
    return dict(zip(holders, group, strict=True))


def combine(shares: Iterable[str]) -> bytes:
    """Return the secret. Raises ``SealError`` for shares that are too few, mistyped, or of different seals."""
    try:
        return bytes(shamir_mnemonic.combine_mnemonics([_plain(share) for share in shares]))
    except shamir_mnemonic.MnemonicError as error:
        raise SealError(f"these shares give no secret: {error}") from error


def place(share: str) -> int:
    """Return the place of a share among those it was made with, from 0. Raises ``SealError`` for a mistyped one."""
    try:
        return int(shamir_mnemonic.Share.from_mnemonic(_plain(share)).index)
    except shamir_mnemonic.MnemonicError as error:
        raise SealError(f"this is no share: {error}") from error


def _plain(share: str) -> str:
    return " ".join(share.lower().split())


def new_secret() -> bytes:
    """Return a new secret."""
    return secrets.token_bytes(SECRET_BYTES)


def password(secret: bytes) -> str:
    """Return the password that a secret stands for: groups of letters and digits that are typed without mistakes."""
    text = base64.b32encode(secret).decode().rstrip("=").lower()
    return "-".join(text[start : start + 5] for start in range(0, len(text), 5))


def seal_to(keys: Iterable[str], share: str) -> str:
    """Return a share that only a holder of one of these public keys can read (age, armoured).

    Raises ``SealError`` where none of the keys can be encrypted to.
    """
    lines = [line for line in keys if line.split()[:1] and line.split()[0] in READABLE]
    try:
        recipients = [ssh.Recipient.from_str(" ".join(line.split()[:2])) for line in lines]
    except RecipientError as error:
        raise SealError(f"a key in policy cannot be encrypted to: {error}") from error
    if not recipients:
        raise SealError(f"no key of type {' or '.join(READABLE)}: a share cannot be encrypted to a security token")
    return str(encrypt(share.encode(), recipients, armored=True).decode())


def unseal(text: str, private_key: bytes) -> str:
    """Return the words of a holder's share. Raises ``SealError`` for a key that does not open it."""
    try:
        return str(decrypt(text.encode(), [ssh.Identity.from_buffer(private_key)]).decode())
    except (IdentityError, DecryptError) as error:
        raise SealError(f"this key does not open this share: {error}") from error


def hashed(secret: bytes, salt: str = "") -> str:
    """Return the hash of a secret's password for shadow(5), SHA-512. Raises ``SealError``."""
    command = ["openssl", "passwd", "-6", "-stdin", *(["-salt", salt] if salt else [])]
    try:
        done = subprocess.run(command, input=f"{password(secret)}\n", capture_output=True, text=True, check=False)
    except OSError as error:
        raise SealError(f"openssl cannot be run ({error.strerror}): install it") from error
    if done.returncode:
        raise SealError(f"openssl does not hash: {done.stderr.strip()}")
    return done.stdout.strip()


def opens(secret: bytes, known: str) -> bool:
    """Return whether a secret is the one of a hash."""
    return secrets.compare_digest(hashed(secret, known.split("$")[2]), known)
