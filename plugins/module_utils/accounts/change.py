"""What a plan of accounts is made of. ``changed``, ``diff`` and evidence are renderings of it."""

from __future__ import annotations

from dataclasses import dataclass, field


class AccountError(Exception):
    """Something that is not done to this host; the text says what and how to mend it."""


@dataclass(frozen=True)
class Run:
    """Run a program; its failure fails the change."""

    argv: tuple[str, ...]


@dataclass(frozen=True)
class WriteKeys:
    """Replace an account's key file, root's and readable for all."""

    account: str
    text: str


@dataclass(frozen=True)
class Remove:
    """Remove one file; nothing on the way to it is followed if it lies in a home."""

    path: str


@dataclass(frozen=True)
class StripKeys:
    """Take a person's keys out of a file that lets somebody else in."""

    path: str
    fingerprints: frozenset[str]


@dataclass(frozen=True)
class Settle:
    """Bring to the disk what was removed from a folder; no plan has it, applying one adds it."""

    folder: str


@dataclass(frozen=True)
class Folder:
    """Make a folder, or mend its mode and owner."""

    path: str
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True)
class End:
    """End a person's sessions and processes, and see that none is left."""

    account: str
    uid: int


@dataclass(frozen=True)
class Hangup:
    """End a person's tunnels of the VPN, and nobody else's."""

    account: str


@dataclass(frozen=True)
class Disarm:
    """Take set-ID bits and capabilities off one file, which stays; ``place`` is its device and inode."""

    path: str
    place: tuple[int, int]


@dataclass(frozen=True)
class Delete:
    """Remove an account that nothing runs as any more; its home stays, and is root's."""

    account: str
    home: str


@dataclass(frozen=True)
class Unmanage:
    """Have systemd start no manager of an account's own (``user@.service``) when it logs in."""

    account: str


@dataclass(frozen=True)
class WriteFile:
    """Replace a file of root's that everybody may read."""

    path: str
    text: str


@dataclass(frozen=True)
class Revoke:
    """Put a key revocation list in place, built from its text."""

    text: str
    user_ca: str


@dataclass(frozen=True)
class WriteProgram:
    """Replace a program of root's that everybody may read."""

    path: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Hold:
    """Hold a signed list of who left from now on."""

    text: str


Act = (
    WriteFile
    | WriteProgram
    | Hold
    | Revoke
    | Run
    | WriteKeys
    | Remove
    | StripKeys
    | Settle
    | Folder
    | End
    | Hangup
    | Disarm
    | Delete
    | Unmanage
)


@dataclass(frozen=True)
class Change:
    """One thing that is not as it should be, and what makes it so."""

    account: str
    what: str
    before: str
    after: str
    acts: tuple[Act, ...] = field(repr=False)


def render(changes: tuple[Change, ...]) -> dict[str, object]:
    """Return the plan as a module's result."""
    before = "".join(f"{change.account}: {change.what}: {change.before}\n" for change in changes)
    after = "".join(f"{change.account}: {change.what}: {change.after}\n" for change in changes)
    return {
        "changed": bool(changes),
        "changes": [{k: v for k, v in vars(change).items() if k != "acts"} for change in changes],
        "diff": {"before": before, "after": after},
    }
