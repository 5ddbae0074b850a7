"""The sections of a posture about recordings of sudo, and about TLS certificates."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from haechi.observe.shape import Mode, Section, Text


class Recorder(Section):
    """What records sudo. ``defaults`` are those of ``cvtsudoers -f json``; ``answers``: a recorder said hello.

    ``waiting`` recordings are not at the log host yet, the oldest for ``oldest_s`` seconds. ``alarms`` stand by name.
    """

    defaults: tuple[dict[str, Any], ...]
    answers: bool
    waiting: Annotated[int, Field(ge=0)]
    oldest_s: Annotated[int, Field(ge=0)] | None
    alarms: tuple[str, ...]


class PrivateKey(Section):
    """A private key of X.509 on the host; ``public`` is its public half in base64, "" where it has a passphrase."""

    path: Text
    mode: Mode
    uid: int
    public: str


class Leaf(Section):
    """A TLS certificate. ``trusted``: the chain beside it leads to the root that the host trusts."""

    name: Text
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    uses: tuple[str, ...]
    begins: AwareDatetime
    ends: AwareDatetime
    public: Text
    trusted: bool


class X509(Section):
    """TLS certificates and private keys. ``root`` and ``issuing``: public keys in base64, "" where there is none."""

    root: str
    issuing: str
    keys: tuple[PrivateKey, ...]
    leaves: tuple[Leaf, ...]
