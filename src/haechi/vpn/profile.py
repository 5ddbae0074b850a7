"""A profile as OpenVPN's clients read it: one file with everything but the code. Pure, but for chance."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from haechi.desired.vpn import CIPHERS, SUITES
from haechi.policy import tunnels
from haechi.policy.models import Policy
from haechi.policy.vpn import Vpn


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a profile holds, all PEM or OpenVPN's like of it; ``key`` and ``hiding`` are secrets."""

    root: str
    certificate: str
    key: str
    hiding: str


def new_key(person: str) -> tuple[str, str]:
    """Return a new private key and a request for its certificate, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, person)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode(), request.public_bytes(Encoding.PEM).decode()


def _subject(vpn: Vpn) -> str:
    """Return the name that the gateway's certificate was signed for: the first of its names, as leaves sort them."""
    return min({vpn.host, *([vpn.name] if vpn.name else [])})


def text(policy: Policy, vpn: Vpn, parts: Parts) -> str:
    """Return the profile: UDP first, TCP where that does not answer, this site's gateway and no other."""
    place = vpn.name or str(tunnels.address(policy, vpn))
    lines = (
        "# Of one person alone. The code of the VPN's entry in the app is asked at each connect.",
        "client",
        "dev tun",
        "nobind",
        f"remote {place} {vpn.udp_port} udp4",
        f"remote {place} {vpn.tcp_port} tcp4-client",
        "connect-retry 2 30",
        "connect-timeout 8",
        "server-poll-timeout 8",
        "remote-cert-tls server",
        f"verify-x509-name {_subject(vpn)} name",
        "tls-version-min 1.3",
        f"tls-ciphersuites {SUITES}",
        f"data-ciphers {CIPHERS}",
        "auth-user-pass",
        "auth-retry interact",
        "auth-nocache",
        "explicit-exit-notify 1",
        "persist-tun",
        "verb 3",
    )
    blocks = {"ca": parts.root, "cert": parts.certificate, "key": parts.key, "tls-crypt-v2": parts.hiding}
    inline = (f"<{word}>\n{block.strip()}\n</{word}>\n" for word, block in blocks.items())
    return "".join((*(f"{line}\n" for line in lines), *inline))
