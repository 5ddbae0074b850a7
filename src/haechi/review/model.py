"""What a review says: a row for each account on each host, with what it has, what policy gives, and how they differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from haechi.evidence import canonical

Answer = Literal["yes", "no", "unknown"]
NOT_SEEN: Final = "unknown"


class Part(BaseModel):
    """The house rules of every part: frozen, nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Difference(Part):
    """One way in which a host is not as policy says.

    ``surplus``: the host has it, policy does not give it; ``missing``: the reverse; ``unknown``: nobody saw it.
    ``id`` is the same in every review as long as the difference is; ``waiver`` names the exception that explains it.
    """

    id: str
    kind: Literal["surplus", "missing", "unknown"]
    what: Literal["host", "account", "state", "login", "key", "password", "group", "sudo"]
    item: str
    waiver: str | None = None


class WaitingKey(Part):
    """A key in a file that sshd does not read."""

    fingerprint: str
    path: str


State = Literal["active", "locked", "expired", "absent", "unknown"]
Tried = Literal["accepted", "refused", "unknown", ""]


class Effective(Part):
    """What an account has on a host, from what the host showed and nothing else; None is what was not seen.

    ``sshd``: whether its lists of users and groups let the account in; ``enters``: whether sshd, shell, state and a way
    together do. ``keys`` are those that sshd reads, ``tried`` how sshd answered an offer of policy's key in this run.
    """

    state: State
    shell: str | None
    password: Literal["yes", "no", "unknown"]
    keys: tuple[str, ...] | None
    waiting: tuple[WaitingKey, ...] = ()
    certificate: Answer
    sshd: Answer
    sshd_why: str
    enters: Answer
    tried: Tried = ""
    groups: tuple[str, ...] | None
    sudo: tuple[str, ...] | None


class Expected(Part):
    """What policy gives an identity on a host."""

    state: Literal["active", "disabled", "absent"]
    login: bool
    keys: tuple[str, ...]
    groups: tuple[str, ...]
    sudo: tuple[str, ...]


class Row(Part):
    """One account on one host. ``owner`` is the person who answers for it, ``jobs`` are those that give the access.

    ``kind`` is policy's word, ``system`` for an account of Debian's, ``stranger`` for one that nobody knows.
    """

    host: str
    account: str
    name: str
    kind: Literal["person", "automation", "break_glass", "sentinel", "service", "system", "stranger"]
    owner: str
    jobs: tuple[str, ...]
    has: Effective
    policy: Expected
    differences: tuple[Difference, ...]

    @property
    def open(self) -> tuple[Difference, ...]:
        """Return the differences that no waiver explains."""
        return tuple(one for one in self.differences if one.waiver is None)


class Review(Part):
    """One review. ``unseen``: host to section (``host`` for all of it) to the reason why nobody saw it.

    ``closed`` are, by host whose accounts were seen, those without any way in, rights or key, which have no row.
    """

    version: Literal[1] = Field(default=1, alias="schema")
    site: str
    title: str
    at: str
    nonce: str
    hosts: tuple[str, ...]
    left_out: tuple[str, ...]
    unseen: dict[str, dict[str, str]]
    rows: tuple[Row, ...]
    closed: dict[str, tuple[str, ...]]

    def document(self) -> dict[str, Any]:
        """Return the JSON-able form, the one that is stored and hashed."""
        return self.model_dump(mode="json", by_alias=True)

    @property
    def sha256(self) -> str:
        """Return the digest of the review's one form (RFC 8785): what a reviewer signs."""
        return canonical.digest(canonical.dumps(self.document()))

    def record(self) -> dict[str, Any]:
        """Return what the evidence keeps: the document, and its digest for whoever reads the record without Haechi."""
        return {"sha256": self.sha256, "review": self.document()}

    @property
    def owners(self) -> tuple[str, ...]:
        """Return everybody whose own access is in it: a person's own, and that of the accounts he answers for."""
        return tuple(sorted({row.owner for row in self.rows if row.owner}))

    def differences(self) -> Iterator[tuple[Row, Difference]]:
        """Yield every difference with its row."""
        for row in self.rows:
            for one in row.differences:
                yield row, one

    def open(self) -> Iterator[tuple[Row, Difference]]:
        """Yield the differences that no waiver explains."""
        return ((row, one) for row, one in self.differences() if one.waiver is None)
