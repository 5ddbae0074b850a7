"""The sections of a posture, each with its shape. The collectors on the host write exactly these."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from haechi.observe.shape import Mode, Section, Text


class Host(Section):
    """Which machine answered. ``host_key`` is the SHA256 fingerprint of its Ed25519 host key."""

    release: Literal["12", "13"]
    kernel: Text
    container: bool
    host_key: Text
    boot_id: Text
    uptime_s: Annotated[float, Field(gt=0)]


class Account(Section):
    """One line of passwd with its line of shadow. The hash itself never leaves the host.

    ``password``: none (a bare asterisk), locked, set, empty. ``hash``: its prefix ("$y$"), "" where there is none.
    Days are days since 1970-01-01.
    """

    name: Text
    uid: Annotated[int, Field(ge=0)]
    gid: Annotated[int, Field(ge=0)]
    home: str
    shell: str
    password: Literal["none", "locked", "set", "empty"]
    hash: str
    hash_in_passwd: bool
    changed: int | None
    min_days: int | None
    max_days: int | None
    expires: int | None
    groups: tuple[str, ...]


class Group(Section):
    """One line of /etc/group."""

    name: Text
    gid: Annotated[int, Field(ge=0)]
    members: tuple[str, ...]


class Accounts(Section):
    """Everybody on the host; one without root was not read to its end."""

    rows: Annotated[tuple[Account, ...], Field(min_length=1)]
    groups: Annotated[tuple[Group, ...], Field(min_length=1)]
    today: Annotated[int, Field(gt=0)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Refuse files that were read in part."""
        if all(row.uid for row in self.rows) or all(group.gid for group in self.groups):
            raise ValueError("an account or a group with number 0 is missing, so not all were read")
        return self


class HomeFile(Section):
    """A start or trust file in a home."""

    name: Text
    mode: Mode
    uid: int


class Home(Section):
    """The home of an account that has a shell; ``mode`` None where there is no such folder."""

    account: Text
    path: str
    mode: Mode | None
    uid: int | None
    files: tuple[HomeFile, ...]


# A look that ended early would show none of these; every host has some.
Homes = Annotated[tuple[Home, ...], Field(min_length=1)]


class KeyFile(Section):
    """One authorized_keys file: who gets in by it, and the SHA256 fingerprints in it."""

    account: Text
    path: Text
    fingerprints: tuple[str, ...]
    safe: bool


class Sshd(Section):
    """What sshd is: ``settings`` is ``sshd -T`` (keyword in lower case to value, repeated ones joined by a space).

    ``users`` is ``sshd -T -C user=..`` for each asked account, only where it differs. ``stale`` lists files that were
    changed after the running sshd read them, and their folder where one came or went.
    """

    version: Text
    active: bool
    settings: Annotated[dict[str, str], Field(min_length=30)]
    users: dict[str, dict[str, str]]
    stale: tuple[str, ...]


class Firewall(Section):
    """The rules in force. ``live`` and ``file`` are nft's JSON without counters, handles and timed elements.

    ``file`` is what the file of ours amounts to when it is loaded in an empty network namespace; ``file_sha256`` is the
    file's own, "" where there is none. ``file_error`` is "", or why nft would not load it. ``foreign_tables`` names
    others ("inet x"). ``service`` is the word of ``is-enabled`` for the unit that loads the file at boot.
    """

    live: tuple[dict[str, Any], ...]
    file: tuple[dict[str, Any], ...]
    file_sha256: str
    file_error: str
    foreign_tables: tuple[str, ...]
    service: Text
    forwarding: bool


class Socket(Section):
    """One open socket."""

    proto: Literal["tcp", "udp"]
    port: Annotated[int, Field(ge=1, le=65535)]
    process: str
    local: bool


Sockets = Annotated[tuple[Socket, ...], Field(min_length=1)]


class Pam(Section):
    """Service or common file to its lines, each ``[type, control, module, argument...]`` or ``["@include", name]``.

    A service without a file is left out.
    """

    stacks: Annotated[dict[str, tuple[tuple[str, ...], ...]], Field(min_length=1)]


class Settings(Section):
    """Key-value files as the programs that read them would take them: file to key to value, drop-ins merged in order.

    Keys: login.defs, faillock.conf, pwquality.conf, journald.conf, timesyncd.conf, coredump.conf, system.conf, limits
    ("<domain> <type> <item>" to value); cron.allow and at.allow (their lines, without value) where those files exist.
    A key without value is "".
    """

    files: Annotated[dict[str, dict[str, str]], Field(min_length=1)]


class SudoersFile(Section):
    """One file of sudo's policy."""

    path: Text
    sha256: Text
    mode: Mode
    owner: Text


class Sudo(Section):
    """sudo's rules.

    ``valid``: visudo takes them; ``files``: all that sudo reads; ``rules``: User_Specs of ``cvtsudoers -f json``.
    """

    valid: bool
    files: Annotated[tuple[SudoersFile, ...], Field(min_length=1)]
    rules: tuple[dict[str, Any], ...]


class Units(Section):
    """systemd: unit file to its state (enabled, masked ...), and the units that run or failed."""

    files: Annotated[dict[str, str], Field(min_length=1)]
    active: Annotated[tuple[str, ...], Field(min_length=1)]
    failed: tuple[str, ...]


class Packages(Section):
    """Installed packages to versions."""

    installed: Annotated[dict[str, str], Field(min_length=20)]


class Sysctl(Section):
    """Kernel values; None where this kernel or network namespace has no such key.

    ``writable`` are the keys that root can set here: none of them in a container. ``boot`` is what the files below
    sysctl.d set at the next boot, for each asked key that they name (``systemd-sysctl --cat-config``, last line wins).
    """

    values: Annotated[dict[str, str | None], Field(min_length=1)]
    writable: tuple[str, ...]
    boot: dict[str, str]


class Mount(Section):
    """One mount point."""

    target: Text
    type: Text
    options: tuple[str, ...]


Mounts = Annotated[tuple[Mount, ...], Field(min_length=1)]


class Login(Section):
    """What a login shell of root ends up with, by running one. Texts are the notices it shows before and after."""

    path: Text
    umask: Mode
    idle_s: str
    texts: dict[str, str]


class Clock(Section):
    """The clock. ``server`` is what the client is told to follow; ``synchronised`` None where the host cannot know."""

    service: str
    server: str
    synchronised: bool | None


class Journal(Section):
    """The journal: whether it is kept on disk."""

    persistent: bool
    disk_bytes: Annotated[int, Field(ge=0)]


class Guard(Section):
    """The guarded change: what is pending, who holds the lock, and whether the way back stands ready for a boot."""

    pending: bool
    locked: bool
    rollback_unit: str
    rollback_script_sha256: str


class Session(Section):
    """A process and the account that logged in to start it."""

    account: Text
    pid: int
    name: Text


# Days since 1970-01-01, up to 9999-12-31.
Day = Annotated[int, Field(gt=0, le=2_932_896)]


class LastLogin(Section):
    """One account: the days of its last login, None for none on record, and of its home's making, None if unknown."""

    account: Text
    last: Day | None
    made: Day | None


class Logins(Section):
    """The record of logins of root and of people; ``since`` is the first day that it tells of."""

    source: Literal["lastlog", "lastlog2"]
    since: Day
    rows: Annotated[tuple[LastLogin, ...], Field(min_length=1)]


class Jobs(Section):
    """What accounts left to run: crontabs, at jobs, lingering managers; account to paths."""

    by_account: dict[str, tuple[str, ...]]


class Timers(Section):
    """systemd timers: unit to what it starts."""

    active: dict[str, str]
