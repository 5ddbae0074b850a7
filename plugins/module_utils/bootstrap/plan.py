"""What a host lacks before the automation account can work on it, as a value. Pure: no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

KEYS_FILE = "/etc/ssh/authorized_keys.d/%u"
DROP_IN = "/etc/ssh/sshd_config.d/05-haechi-bootstrap.conf"
NO_LOGIN_SHELLS = ("", "/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false")
# shadow(5): a number of days that never comes, in its three spellings.
NEVER = ("", "-1", "99999")


@dataclass(frozen=True)
class Account:
    """The automation account as passwd and shadow hold it."""

    uid: int
    shell: str
    password: str
    max_days: str
    expires: str


@dataclass(frozen=True)
class Seen:
    """A host before bootstrap; ``account`` is ``None`` where it does not exist."""

    account: Account | None
    group: bool
    keys: str
    sudo: str
    key_files: tuple[str, ...]
    # Sources that sshd does not shut out; none before OpenSSH 9.8, which shuts nobody out.
    exempt: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Plan:
    """Commands first, then path -> (content, mode); both empty means nothing to do."""

    commands: tuple[tuple[str, ...], ...]
    files: dict[str, tuple[str, str]]


def plan(seen: Seen, user: str, keys: Iterable[str], sources: Iterable[str] = ()) -> Plan:
    """Return what is missing; nothing that is there is taken away, but for the account's own password."""
    files = {}
    if wanted := _keys(seen.keys, keys):
        files[KEYS_FILE.replace("%u", user)] = (wanted, "0644")
    if not _may_all(seen.sudo):
        files[f"/etc/sudoers.d/haechi-{user}"] = (sudoers(user), "0440")
    unborne = [] if seen.exempt is None else [source for source in sources if source not in seen.exempt]
    if KEYS_FILE not in seen.key_files or unborne:
        files[DROP_IN] = (drop_in(seen.key_files, [*(seen.exempt or ()), *unborne]), "0644")
    return Plan(_commands(seen, user), files)


def sudoers(user: str) -> str:
    """Return the one rule of the automation account."""
    return f"{user} ALL=(ALL:ALL) NOPASSWD: ALL\n"


def drop_in(key_files: Iterable[str], exempt: Iterable[str]) -> str:
    """Return the settings that add our key folder to the places the host already reads, and who is not shut out."""
    places = [place for place in key_files if place not in {"none", KEYS_FILE}]
    sources = ",".join(source for source in exempt if source != "none")
    lines = [
        "# Lets the automation account in until the role sshd takes over.",
        f"AuthorizedKeysFile {' '.join([*places, KEYS_FILE])}",
        *([f"PerSourcePenaltyExemptList {sources}"] if sources else ()),
    ]
    return "".join(f"{line}\n" for line in lines)


def _commands(seen: Seen, user: str) -> tuple[tuple[str, ...], ...]:
    # `*` is no password and, unlike `!`, no lock that sshd without PAM would refuse (passwd(5), sshd(8)).
    now = seen.account
    if now is None:
        group = ("-N", "-g", user) if seen.group else ("-U",)
        ageing = ("-K", "PASS_MAX_DAYS=99999", "-K", "PASS_MIN_DAYS=0")
        return (("useradd", "-m", "-s", "/bin/bash", "-c", "Haechi automation", "-p", "*", *ageing, *group, user),)
    if now.uid == 0:
        raise ValueError(f"{user} has user id 0: give the automation account another id in identities.yml")
    steps: list[tuple[str, ...]] = []
    if now.password != "*":  # noqa: S105 - shadow's word for no password
        steps.append(("usermod", "-p", "*", user))
    if now.shell in NO_LOGIN_SHELLS:
        steps.append(("usermod", "-s", "/bin/bash", user))
    if now.max_days not in NEVER or now.expires not in NEVER:
        steps.append(("chage", "-m", "0", "-M", "99999", "-E", "-1", user))
    return tuple(steps)


def _keys(text: str, keys: Iterable[str]) -> str:
    missing = [key.strip() for key in keys if key.split()[1] not in text.split()]
    if not missing:
        return ""
    return "".join(f"{line}\n" for line in [*text.splitlines(), *missing])


def _may_all(listing: str) -> bool:
    # `sudo -l -U USER` prints `(ALL : ALL) NOPASSWD: ALL` or `(root) NOPASSWD: ALL`.
    return re.search(r"(?m)^\s*\((?:ALL|root)(?: : ALL)?\) NOPASSWD: ALL$", listing) is not None
