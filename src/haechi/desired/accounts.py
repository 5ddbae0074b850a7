"""Who has an account on one host, with which keys, groups and sudo rules: policy minus tombstones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from haechi.desired import recorder, revocations
from haechi.pki import certificates
from haechi.pki.trust import NO_AUTHORITY, Trust
from haechi.policy import tunnels
from haechi.policy.factors import group_of
from haechi.policy.models import Identity, Kind, Policy, State, SudoRule
from haechi.policy.resolve import Access, access_on, automation_sources, keys_of

LOGIN_GROUP = "haechi-login"
# The automation keeps a key of its own on every host, so that no authority can lock it out.
CERTIFIED = frozenset({Kind.PERSON, Kind.SENTINEL, Kind.AUTOMATION})
# A guarded change of sshd offers the key to a second sshd there before the first one is touched.
LOOPBACK = "127.0.0.1"
SHELL, NO_SHELL = "/bin/bash", "/usr/sbin/nologin"
# base-passwd's list (Debian 12, 13), and packages whose account has a shell by design. `nobody` ends base-passwd's.
DEBIAN = (
    *("root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy", "www-data"),
    *("backup", "list", "irc", "gnats", "_apt", "nobody", "postgres"),
)
EPOCH = date(1970, 1, 1)
# Whatever else sudoers say, a person's command gets sudo's own environment, and a terminal that ends with it.
# What names a pager or an editor never comes from outside (systemd(1), less(1), sudoers(5)).
NAMES_A_PROGRAM = (
    *("PAGER", "SYSTEMD_PAGER", "SYSTEMD_PAGERSECURE", "SYSTEMD_LESS", "LESS", "LESSOPEN", "LESSSECURE", "MANPAGER"),
    *("EDITOR", "VISUAL", "SYSTEMD_EDITOR"),
)
DEFAULTS = (
    'Defaults:{} env_reset, !setenv, use_pty, secure_path="/usr/sbin:/usr/bin:/sbin:/bin", '
    f'env_keep-="{" ".join(NAMES_A_PROGRAM)}"'
)
# A path that ends in `/` is every program of a folder (sudoers(5)).
_PATH = re.compile(r"(/[A-Za-z0-9_.@+-]+)+")
# sudoers(5): these end a word in arguments, or would match more than themselves.
_SPECIAL = re.compile(r"([\\,:=#*?\[\]!^])")


def build(
    policy: Policy,
    host: str,
    revoked: frozenset[str],
    trust: Trust = NO_AUTHORITY,
    grants: Iterable[Mapping[str, Any]] = (),
) -> dict[str, object]:
    """Return the accounts of a host; a leaver whom policy no longer names is disabled all the same.

    ``grants`` are the site's open ones (``haechi.grant.ledger.open_grants``).
    """
    found = [_account(policy, access) for access in access_on(policy, host, revoked)]
    forgotten = sorted(revoked - {identity.id for identity in policy.identities})
    accounts = [*found, *(_left(person) for person in forgotten)]
    return {
        "schema": 1,
        "login_group": LOGIN_GROUP,
        "unknown_accounts": policy.site.unknown_accounts,
        "dormant_days": policy.people.dormant_days,
        "known": list(DEBIAN),
        "accounts": accounts,
        "certificates": _certificates(policy, host, revoked, trust),
        "pull": revocations.build(policy, host, trust),
        "sudoers": [*(_sudoers(account) for account in accounts), *_recorded(policy)],
        "grants": open_grants(grants, host),
        "vpn_members": sorted(tunnels.members(policy, revoked)) if policy.vpn and policy.vpn.host == host else [],
    }


def _certificates(policy: Policy, host: str, revoked: frozenset[str], trust: Trust) -> dict[str, object]:
    """Return whose certificates count here, for which principals, and who is revoked."""
    active = [a.identity for a in access_on(policy, host, revoked) if a.login and a.state is State.ACTIVE]
    taken = {who.id: list(certificates.principals_on(policy, who, host)) for who in active if who.kind in CERTIFIED}
    return {"user_ca": trust.user_ca, "revoked": trust.revoked, "principals": taken if trust.user_ca else {}}


def sudo_lines(person: str, rules: Iterable[SudoRule]) -> list[str]:
    """Return the sudoers lines of an account: exact commands, wildcards taken literally, without children.

    Raises ``ValueError`` for a command that is no absolute path.
    """
    return [_line(person, rule) for rule in rules]


def open_grants(rows: Iterable[Mapping[str, Any]], host: str) -> list[dict[str, Any]]:
    """Return the open grants of a host: its rules files of grants are these, and no other."""
    return [{**row, "file": f"haechi_grant-{row['person']}-{row['id']}"} for row in rows if host in row["hosts"]]


def _line(person: str, rule: SudoRule) -> str:
    tag = "NOPASSWD: " if rule.nopasswd else ""
    tag += "" if rule.children or "ALL" in rule.commands else "NOEXEC: "
    if rule.commands == ("ALL",) and rule.run_as == "root":
        return f"{person} ALL=(ALL:ALL) {tag}ALL"
    return f"{person} ALL=({rule.run_as}) {tag}{', '.join(sudo_command(text) for text in rule.commands)}"


def sudo_command(text: str) -> str:
    """Return a command as sudoers take it: its arguments literally, and none where it has none.

    Raises ``ValueError`` for a command that is no absolute path.
    """
    if text == "ALL":
        return text
    path, *arguments = text.split()
    if not _PATH.fullmatch(path):
        raise ValueError(f"{text!r} is no command for sudo: write its absolute path, as in /usr/bin/systemctl")
    # A command without arguments allows every argument; "" allows none (sudoers(5)).
    return " ".join([path, *(_SPECIAL.sub(r"\\\1", word) for word in arguments)] if arguments else [path, '""'])


def _account(policy: Policy, access: Access) -> dict[str, object]:
    who = access.identity
    return {
        "id": who.id,
        "kind": str(who.kind),
        "name": re.sub(r"[:,]", " ", who.name),
        "state": str(access.state),
        "start": None if who.start is None else (who.start - EPOCH).days,
        "login": access.login,
        "shell": SHELL if access.login else NO_SHELL,
        "keys": [f"{_from(policy, who)}{' '.join(key.split())}" for key in keys_of(policy, who)],
        "groups": groups(policy, access),
        "sudo": sudo_lines(who.id, access.sudo),
    }


def groups(policy: Policy, access: Access) -> list[str]:
    """Return the groups of an account: those of its jobs, and those by which sshd lets it in and knows its factor."""
    factor = group_of(policy, access.identity)
    return sorted({*access.groups, *([LOGIN_GROUP, *([factor] if factor else [])] if access.login else [])})


def _from(policy: Policy, who: Identity) -> str:
    """Return the option by which the automation's bare key counts from where playbooks run, and for the guard."""
    if who.kind is not Kind.AUTOMATION:
        return ""
    return f'from="{",".join([*automation_sources(policy), LOOPBACK])}" '


def _left(person: str) -> dict[str, object]:
    return {
        "id": person,
        "kind": str(Kind.PERSON),
        "name": "",
        "state": str(State.DISABLED),
        "start": None,
        "login": False,
        "shell": NO_SHELL,
        "keys": [],
        "groups": [],
        "sudo": [],
    }


def _recorded(policy: Policy) -> list[dict[str, object]]:
    file = recorder.sudoers(policy)
    return [] if file is None else [file]


def _sudoers(account: dict[str, object]) -> dict[str, object]:
    lines = account["sudo"] if isinstance(account["sudo"], list) else []
    if lines and account["kind"] != str(Kind.AUTOMATION):
        lines = [DEFAULTS.format(account["id"]), *lines]
    path, text = f"/etc/sudoers.d/haechi-{account['id']}", "".join(f"{line}\n" for line in lines)
    return {"path": path, "content": text or None, "mode": "0440", "owner": "root", "group": "root"}
