"""A host's accounts as they are: plain values, and the parsers that make them. No I/O."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

KEYS_FOLDER = "/etc/ssh/authorized_keys.d"
SUDOERS_FOLDER = "/etc/sudoers.d"
SEEDS_FOLDER, VPN_SEEDS_FOLDER = "/var/lib/haechi/mfa", "/var/lib/haechi/vpn-mfa"
VPN_PEOPLE = "/etc/haechi/vpn/people.json"
# Named by account, in newer releases by number (sudoers_timestamp(5)); while one counts, sudo asks for nothing.
TICKETS = "/run/sudo/ts"
NO_LOGIN_SHELLS = frozenset({"/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false", "/bin/sync"})
FIRST_UID, NOBODY = 1000, 65534
NEVER = 99999
# Of an authorized_keys file: thousands of keys. sshd itself knows no bound, and anybody may fill a disk.
MOST_KEYS = 1 << 20
# Of a grant: the person, and the request's number (module_utils/grants).
GRANT = re.compile(r"haechi_grant-([a-z][a-z0-9_-]{0,31})-[0-9a-f]{16}")
_KEY = re.compile(r"(?:^|\s)((?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+)\s+([A-Za-z0-9+/]+=*)")


@dataclass(frozen=True, kw_only=True)
class Account:
    """One account; ``hash_kind`` is a word about the hash, never the hash."""

    name: str
    uid: int
    gid: int
    gecos: str
    home: str
    shell: str
    hash_kind: str = "none"
    changed: int | None = None
    min: int | None = None
    max: int | None = None
    inactive: int | None = None
    expires: int | None = None
    groups: frozenset[str] = frozenset()
    home_mode: int | None = None
    home_uid: int | None = None

    @property
    def usable(self) -> bool:
        """Whether some password opens this account."""
        return self.hash_kind in {"set", "empty"}

    def expired(self, today: int) -> bool:
        """Return whether the account phase of PAM refuses it (shadow(5): from that day on)."""
        return self.expires is not None and self.expires <= today


@dataclass(frozen=True)
class KeyFile:
    """One authorized_keys file; ``account`` is who gets in by it, ``safe`` that only root can change it.

    ``whole``: ``text`` is all of it. Where it is not, keys may be behind what was read.
    """

    path: str
    account: str
    text: str
    safe: bool = True
    whole: bool = True


@dataclass(frozen=True, kw_only=True)
class Armed:
    """A file that lends rights (``how``), and the numbers of the people to whom it or a folder above it belongs.

    ``own``: it is theirs alone, no other name of it is elsewhere. ``place`` is its device and inode.
    """

    path: str
    how: tuple[str, ...]
    people: frozenset[int]
    own: bool
    place: tuple[int, int]


def unarmed(_: Account) -> tuple[Armed, ...]:
    """Return nothing, of whomever."""
    return ()


@dataclass(frozen=True)
class Process:
    """One process: who it runs as, who logged in to start it, and in which unit it is."""

    pid: int
    uids: frozenset[int]
    loginuid: int | None
    name: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """Whose certificates count on a host. ``revoked`` are the entries of the list sshd reads; None: it cannot.

    ``held`` is the signed list of who left.
    """

    user_ca: str = ""
    listed: str = ""
    revoked: frozenset[str] | None = None
    held: str = ""
    principals: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Logins:
    """The record of logins: account to the day of its last one, and to the day its home was made; days as in shadow.

    ``source`` keeps the record, ``since`` is the first day that it tells of.
    """

    source: str
    since: int
    last: Mapping[str, int] = field(default_factory=dict)
    made: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Current:
    """One look at a host. ``armed`` searches its files for what a person left behind, when somebody asks.

    ``unmanaged`` are the numbers whose logins start no user manager of systemd. ``tunnels`` are those of the VPN,
    person to where each is; ``silent`` says what may have more and does not answer; ``vpn_people`` is the VPN's list of
    who has a place in it, empty where there is none, and ``vpn_members`` who has one by policy, account or not.
    """

    accounts: dict[str, Account] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()
    key_files: tuple[KeyFile, ...] = ()
    keys_folder: bool = True
    sudoers: tuple[str, ...] = ()
    seeds: frozenset[str] = frozenset()
    vpn_seeds: frozenset[str] = frozenset()
    vpn_people: str = ""
    vpn_members: frozenset[str] = frozenset()
    tunnels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    silent: tuple[str, ...] = ()
    tickets: tuple[str, ...] = ()
    processes: tuple[Process, ...] = ()
    jobs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lingering: frozenset[str] = frozenset()
    today: int = 0
    logins: Logins | None = None
    own_uids: frozenset[int] = frozenset()
    unmanaged: frozenset[int] = frozenset()
    certificates: Certificates = field(default_factory=Certificates)
    armed: Callable[[Account], tuple[Armed, ...]] = field(default=unarmed, compare=False)


def without_place(text: str, person: str) -> str:
    """Return the VPN's list without a person, as role ``vpn`` writes it; empty where she has no place in it."""
    try:
        found = json.loads(text)
        del found["people"][person]
    except (ValueError, KeyError, TypeError):
        return ""
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


def hash_kind(text: str) -> str:
    """Say what a password field means (shadow(5)): ``none`` is the bare asterisk that key-only accounts have."""
    if text == "":
        return "empty"
    if text == "*":
        return "none"
    return "locked" if text[0] in "!*" else "set"


def number(text: str) -> int | None:
    """Return a field of shadow as a number; empty and -1 both mean that nothing is set."""
    return int(text) if text.lstrip("-").isdigit() and int(text) >= 0 else None


def members(group: str) -> dict[str, frozenset[str]]:
    """Return group -> members from /etc/group."""
    rows = (line.split(":") for line in group.splitlines())
    return {row[0]: frozenset(filter(None, row[3].split(","))) for row in rows if row[3:]}


def accounts(passwd: str, shadow: str, group: str) -> dict[str, Account]:
    """Return every account; one without a line in shadow has no password."""
    ageing = {row[0]: row for row in (line.split(":") for line in shadow.splitlines()) if row[7:]}
    groups = members(group)
    found = {}
    for row in (line.split(":") for line in passwd.splitlines()):
        if not row[6:] or not row[2].isdigit() or not row[3].isdigit():
            continue
        days = ageing.get(row[0], [row[0], "*", *[""] * 7])
        found[row[0]] = Account(
            name=row[0],
            uid=int(row[2]),
            gid=int(row[3]),
            gecos=row[4].split(",")[0],
            home=row[5],
            shell=row[6],
            hash_kind=hash_kind(days[1] if row[1] == "x" else row[1]),
            changed=number(days[2]),
            min=number(days[3]),
            max=number(days[4]),
            inactive=number(days[6]),
            expires=number(days[7]),
            groups=frozenset(name for name, who in groups.items() if row[0] in who),
        )
    return found


def fingerprint(line: str) -> str | None:
    """Return the SHA256 fingerprint of a key line, options before it or not; none for a line without a key."""
    match = None if line.lstrip().startswith("#") else _KEY.search(line)
    if match is None:
        return None
    try:
        blob = base64.b64decode(match.group(2), validate=True)
    except binascii.Error:
        return None
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def fingerprints(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the fingerprints of the keys in some lines, in their order."""
    return tuple(found for found in map(fingerprint, lines) if found)


def unit_of(cgroup: str, prefix: str) -> str:
    """Return the systemd path of /proc/PID/cgroup without the prefix that a container's own tree has."""
    rows = [line.split(":", 2) for line in cgroup.splitlines()]
    by_name = [row[2] for row in rows if row[2:] and row[1] == "name=systemd"]
    unified = [row[2] for row in rows if row[2:] and row[0] == "0"]
    path = (by_name or unified or ["/"])[0]
    return path[len(prefix) :] if prefix and path.startswith(prefix) else path


def is_service(unit: str) -> bool:
    """Return whether a process is a service or container of the host, which is never killed silently.

    What people start lives below user.slice, or, without logind, in the unit of the daemon that let them in.
    """
    parts = [part for part in unit.split("/") if part]
    if not parts or parts[0] in {"user.slice", "init.scope"}:
        return False
    return not re.fullmatch(r"(sshd?(@.*)?|cron|anacron|atd)\.service", parts[-1])


def of_person(processes: Iterable[Process], uid: int) -> tuple[Process, ...]:
    """Return the processes that run as a person, descend from her login (`sudo -i`), or live in her slice.

    What her user manager started has no login, and a rootless container of it the ids of nobody (subuid(5)).
    """
    # Only a login sets the login uid, so it stays through su, sudo and nohup (pam_loginuid(8)).
    return tuple(row for row in processes if uid in row.uids or _came_with(row) == uid)


def _came_with(process: Process) -> int | None:
    """Return whose login a process came with; without one whose slice it lives in (user@.service(5))."""
    if process.loginuid is not None:
        return process.loginuid
    found = re.match(r"/?user\.slice/user-(\d+)\.slice/", process.unit)
    return int(found[1]) if found else None
