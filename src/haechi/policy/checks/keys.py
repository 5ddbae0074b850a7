"""Public keys: real ones, strong ones, and each for one identity."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator

from haechi.policy.models import Policy
from haechi.policy.problems import Path, Problem, Where, did_you_mean, shown

# What the role sshd's PubkeyAcceptedAlgorithms takes, and how many fields such a key has after its name (RFC 4253 6.6,
# RFC 8709 4, OpenSSH's PROTOCOL.u2f). The others would stand in the file and open nothing.
ACCEPTED = {"ssh-ed25519": 1, "ssh-rsa": 2, "sk-ssh-ed25519@openssh.com": 2, "sk-ecdsa-sha2-nistp256@openssh.com": 3}
REFUSED = {"ssh-dss", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"}
ED25519_BYTES = 32
RSA_BITS = 3072  # NIST SP 800-57 part 1: 128 bits of security
NEW_KEY = "have a new one made: ssh-keygen -t ed25519"


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of keys."""
    known = {identity.id for identity in policy.identities}
    holder: dict[bytes, str] = {}
    keys = list(_all(policy))
    if not keys:
        mend = "run `haechi lab up`, which makes them" if where.lab else "add `keys:` with a line of each .pub file"
        yield where.problem(("keys",), "nobody has a public key, so nobody could log in", mend)
    for path, owner, text in keys:
        if owner not in known:
            yield where.problem(path, f"a key for {owner}, whom no identity names", did_you_mean(owner, known))
        try:
            kind, fields = parse(text)
        except ValueError as error:
            yield where.problem(path, f"{error}: {_hint(text)}", "paste one line of the person's .pub file")
            continue
        if kind == "ssh-rsa" and int.from_bytes(fields[1], "big").bit_length() < RSA_BITS:
            bits = int.from_bytes(fields[1], "big").bit_length()
            yield where.problem(path, f"a weak key: RSA of {bits} bits, not {RSA_BITS}", NEW_KEY)
        elif kind not in ACCEPTED:
            yield where.problem(path, f"a weak key of type {kind}, which sshd would not accept", NEW_KEY)
            continue
        blob = b"".join(fields)
        if holder.setdefault(blob, owner) != owner:
            what = f"{owner} and {holder[blob]} have the same key"
            yield where.problem(path, what, "one key is one person's: have each make their own")


def parse(text: str) -> tuple[str, tuple[bytes, ...]]:
    """Return the type of an OpenSSH public key and its fields.

    Raises ``ValueError`` saying what is wrong.
    """
    kind, _, rest = text.strip().partition(" ")
    if "PRIVATE KEY" in text:
        raise ValueError("a private key, which is now known to whoever reads this file")
    if kind not in REFUSED | set(ACCEPTED) or not rest.split():
        raise ValueError("no OpenSSH public key, or options before it")
    if kind not in ACCEPTED:
        return kind, ()
    try:
        blob = base64.b64decode(rest.split()[0], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("a damaged public key") from error
    name, *fields = _fields(blob)
    short = kind.endswith(("ssh-ed25519", "ssh-ed25519@openssh.com")) and len(b"".join(fields[:1])) != ED25519_BYTES
    if name != kind.encode() or len(fields) != ACCEPTED[kind] or short:
        raise ValueError("a damaged public key")
    return kind, tuple(fields)


def _fields(blob: bytes) -> list[bytes]:
    """Return the length-prefixed fields of a key (RFC 4251 section 5); an empty name where they do not add up."""
    fields = []
    while blob:
        size = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + size:
            return [b""]
        fields.append(blob[4 : 4 + size])
        blob = blob[4 + size :]
    return fields or [b""]


def _hint(text: str) -> str:
    return "its text is not shown" if "PRIVATE" in text else shown(text)


def _all(policy: Policy) -> Iterator[tuple[Path, str, str]]:
    for index, identity in enumerate(policy.identities):
        for number, text in enumerate(identity.keys):
            yield ("identities", index, "keys", number), identity.id, text
    for owner, texts in policy.keys.items():
        for number, text in enumerate(texts):
            yield ("keys", owner, number), owner, text
