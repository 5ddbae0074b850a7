"""The ceremony of the X.509 root: a key that lives in this process's memory, signs one issuing authority, and is gone.

What is left of it is one file under a passphrase, to be carried away. The authority's host never sees it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, pkcs12
from cryptography.x509.oid import NameOID

from haechi.pki.trust import ISSUING, ROOT, Trust, TrustError, pin_texts
from haechi.policy.models import Policy

ROOT_LIFE, ISSUING_LIFE = timedelta(days=3650), timedelta(days=1825)
# NIST SP 800-132: the count of a key derivation is as large as whoever waits for it bears; this takes half a second.
ROUNDS = 600_000
SHORTEST = 20
EARLIER = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Signed:
    """What the ceremony leaves: two certificates that everybody may read, and the root's key under its passphrase."""

    root: str
    issuing: str
    sealed: bytes


def passphrase(path: Path) -> bytes:
    """Return the passphrase in a file.

    Raises ``TrustError`` for one that somebody could guess.
    """
    try:
        text = path.read_bytes().strip()
    except OSError as error:
        raise TrustError(f"{path}: {error.strerror}: the passphrase of the X.509 root is read from there") from error
    if len(text) < SHORTEST:
        raise TrustError(f"{path}: the root's passphrase has {len(text)} characters: take {SHORTEST} or more")
    return text


def hold(site: str, request: str, secret: bytes, at: datetime) -> Signed:
    """Make a root, sign the one issuing authority, seal the root's key.

    Raises ``TrustError`` for a request that is none.
    """
    try:
        asked = x509.load_pem_x509_csr(request.encode())
    except ValueError as error:
        raise TrustError(f"the authority presented no request: {error}") from error
    if not asked.is_signature_valid:
        raise TrustError("the authority's request is not signed by its own key")
    key = ec.generate_private_key(ec.SECP384R1())
    name = _name(f"{site} root")
    names = x509.CertificateBuilder(issuer_name=name, subject_name=name)
    root = _authority(names, key.public_key(), (at, at + ROOT_LIFE), depth=1).sign(key, hashes.SHA384())
    names = x509.CertificateBuilder(issuer_name=name, subject_name=_name(f"{site} issuing"))
    wanted = _authority(names, asked.public_key(), (at, at + ISSUING_LIFE), depth=0)
    issuing = wanted.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
    ).sign(key, hashes.SHA384())
    sealing = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(secret)
    )
    sealed = pkcs12.serialize_key_and_certificates(f"{site} root".encode(), key, root, None, sealing)
    texts = (certificate.public_bytes(Encoding.PEM).decode() for certificate in (root, issuing))
    return Signed(root=next(texts), issuing=next(texts), sealed=sealed)


def ceremony(policy: Policy, state: Path, request: str, secret_file: Path, at: datetime) -> tuple[Trust, Path]:
    """Hold the ceremony, hand the sealed key out once, and pin both certificates; return them and the file.

    Raises ``TrustError`` where the file is there already: a root signs once.
    """
    signed = hold(policy.site.name, request, passphrase(secret_file), at)
    out = sealed_path(policy, state)
    out.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise TrustError(
            f"{out} is there: the key of an earlier root. Carry it away first; nothing was made"
        ) from error
    with os.fdopen(handle, "wb") as file:
        file.write(signed.sealed)
        file.flush()
        os.fsync(handle)
    pin_texts(state, {ROOT: signed.root, ISSUING: signed.issuing})
    return Trust(x509_root=signed.root, x509_issuing=signed.issuing), out


def sealed_path(policy: Policy, state: Path) -> Path:
    """Return where policy wants the sealed key handed out."""
    named = policy.pki.root_key if policy.pki is not None else None
    return Path(named).expanduser() if named else state / "offline/x509_root.p12"


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _authority(
    names: x509.CertificateBuilder, key: CertificatePublicKeyTypes, span: tuple[datetime, datetime], *, depth: int
) -> x509.CertificateBuilder:
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    rights = x509.KeyUsage(digital_signature=False, key_cert_sign=True, crl_sign=True, decipher_only=False, **usage)
    return (
        names.public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0] - EARLIER)
        .not_valid_after(span[1])
        .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
        .add_extension(rights, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
