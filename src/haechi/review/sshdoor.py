"""Whether sshd would let an account in, by what ``sshd -T`` said of it (sshd_config(5)). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase

from haechi.observe.posture import UnknownError
from haechi.observe.sections import Account, Sshd

NONE = {"", "none"}
# The files that a posture shows; of any others nobody knows who may be an account.
PRINCIPALS = "/etc/ssh/haechi/principals/%u"


def running(sshd: Sshd) -> Sshd:
    """Return the section where it tells what the running sshd does.

    Raises ``UnknownError`` where files changed after it read them, or a program of its own tells it the keys.
    """
    if sshd.stale:
        raise UnknownError(f"sshd: it has not read {', '.join(sshd.stale)} since they changed")
    program = sshd.settings.get("authorizedkeyscommand", "none")
    if program not in NONE:
        raise UnknownError(f"sshd: it also takes keys from the program {program}")
    return sshd


def of(sshd: Sshd, account: str) -> Mapping[str, str]:
    """Return the settings for an account; for one that was not asked for, the general ones."""
    return {**sshd.settings, **sshd.users.get(account, {})}


def lets(sshd: Sshd, row: Account, groups: Iterable[str]) -> tuple[bool, str]:
    """Return whether sshd's lists let an account in, and which of them decides.

    In sshd's own order: DenyUsers, AllowUsers, DenyGroups, AllowGroups, then PermitRootLogin for number 0. A pattern
    with a host is taken at its widest, as if the host were the right one.
    """
    if not sshd.active:
        return False, "sshd does not run"
    settings, groups = of(sshd, row.name), tuple(groups)
    bar, why = _lists(settings, row.name, groups)
    if not bar and row.uid == 0 and settings.get("permitrootlogin", "no") == "no":
        bar, why = True, "PermitRootLogin no"
    return not bar, why if row.name in sshd.users else f"{why} (general settings)"


def _lists(settings: Mapping[str, str], name: str, groups: tuple[str, ...]) -> tuple[bool, str]:
    """Return whether a list bars an account, and which one decided."""
    if _names(settings, "denyusers", name, host=False):
        return True, "DenyUsers"
    if not _empty(settings, "allowusers") and not _names(settings, "allowusers", name, host=True):
        return True, f"AllowUsers {settings['allowusers']}"
    if any(_names(settings, "denygroups", group, host=False) for group in groups):
        return True, "DenyGroups"
    if _empty(settings, "allowgroups"):
        return False, "AllowUsers" if not _empty(settings, "allowusers") else "no list"
    found = next((group for group in groups if _names(settings, "allowgroups", group, host=False)), None)
    return found is None, f"AllowGroups {found or settings['allowgroups']}"


def takes_certificates(sshd: Sshd, account: str, principals: Mapping[str, Collection[str]] | None) -> bool | None:
    """Return whether sshd takes certificates of a CA for an account; None where nobody saw who may be the account.

    ``principals`` is what the host's files hold, account to names. Without such files a certificate for the account's
    own name opens it (sshd_config(5), AuthorizedPrincipalsFile).
    """
    settings = of(sshd, account)
    if settings.get("trustedusercakeys", "none") in NONE or settings.get("pubkeyauthentication") != "yes":
        return False
    file = settings.get("authorizedprincipalsfile", "none")
    if file in NONE:
        return True
    return None if principals is None or file != PRINCIPALS else bool(principals.get(account))


def way(settings: Mapping[str, str], *, key: bool, password: str) -> bool:
    """Return whether the methods that sshd demands are all at hand in one of its alternatives.

    What PAM asks at ``keyboard-interactive`` (a code, say) is taken to be at hand: this tells who could, not who may.
    """
    usable = password == "set" or (password == "empty" and settings.get("permitemptypasswords") == "yes")  # noqa: S105 - words about it
    asks = settings.get("kbdinteractiveauthentication") == "yes"
    at_hand = {
        "publickey": key and settings.get("pubkeyauthentication") == "yes",
        "password": usable and settings.get("passwordauthentication") == "yes",
        "keyboard-interactive": asks,
    }
    alone = {**at_hand, "keyboard-interactive": asks and usable}
    methods = settings.get("authenticationmethods", "any").split()
    if methods in ([], ["any"]):
        return any(alone.values())
    return any(_all(alternative.split(","), at_hand, alone) for alternative in methods)


def _all(parts: list[str], at_hand: Mapping[str, bool], alone: Mapping[str, bool]) -> bool:
    names = [part.partition(":")[0] for part in parts]
    have = at_hand if len(names) > 1 else alone
    return all(have.get(name, False) for name in names)


def _empty(settings: Mapping[str, str], keyword: str) -> bool:
    return settings.get(keyword, "") in NONE


def _names(settings: Mapping[str, str], keyword: str, name: str, *, host: bool) -> bool:
    """Return whether a list names a user or group; with ``host`` also by a pattern that only holds from some host."""
    patterns = [] if _empty(settings, keyword) else settings[keyword].split()
    return any(fnmatchcase(name, p.partition("@")[0]) for p in patterns if host or "@" not in p)
