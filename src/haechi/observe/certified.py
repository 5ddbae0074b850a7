"""The section of a posture about SSH certificates."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from haechi.observe.shape import Mode, Section, Text


class HostCertificate(Section):
    """The certificate that the host shows. ``key`` and ``ca`` are SHA256 fingerprints."""

    id: str
    key: Text
    ca: Text
    kind: Literal["user", "host"]
    begins: AwareDatetime
    ends: AwareDatetime
    principals: tuple[str, ...]


class AuthorityKey(Section):
    """A private key of an authority on this host, or the folder of such keys."""

    path: Text
    mode: Mode
    uid: int


class Certificates(Section):
    """Whose certificates the host takes. ``user_ca``: fingerprints; ``principals``: account to what opens it.

    ``revoked``: entries of the list that sshd reads ("id: kim", "hash: <hexadecimal>"); None where it cannot be read.
    ``unsafe``: paths that others than root could change.
    """

    user_ca: tuple[str, ...]
    revoked: tuple[str, ...] | None
    principals: dict[str, tuple[str, ...]]
    unsafe: tuple[str, ...]
    host: HostCertificate | None
    authority: tuple[AuthorityKey, ...]
