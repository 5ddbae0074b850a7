"""SSH keys on a host: each in one place, of one person, and known to policy. An own reading of keys, not a role's."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from haechi.controls.model import Breaker, Case, Control, Severity, Verdict, none_of
from haechi.keylines import fingerprints
from haechi.observe.sections import KeyFile

CENTRAL = "/etc/ssh/authorized_keys.d/"


def keys_exact(case: Case) -> Verdict:
    """By every key file that sshd reads, policy's people get in and nobody else; no stranger's key waits elsewhere."""
    wanted = {
        row["id"]: set(fingerprints(row["keys"]))
        for row in case.desired["accounts"]["accounts"]
        if row["login"] and row["state"] == "active"
    }
    patterns = case.posture.sshd.settings.get("authorizedkeysfile", "").split()
    files = case.posture.keys
    read = [file for file in files if is_read(file, patterns)]
    bad = [f"{file.path} can be changed by others than root" for file in read if not file.safe]
    for account, keys in sorted(wanted.items()):
        seen = {print_ for file in read if file.account == account for print_ in file.fingerprints}
        bad += [f"{account} lacks {print_}" for print_ in sorted(keys - seen)]
    for file in read:
        bad += [
            f"{print_} in {file.path}" for print_ in sorted(set(file.fingerprints) - wanted.get(file.account, set()))
        ]
    known = set().union(*wanted.values())
    for file in files:
        # sshd does not read this file; a key of somebody who may log in here opens nothing more by it.
        bad += [f"{print_} in {file.path}" for print_ in sorted(set(file.fingerprints) - known) if file not in read]
    told = ", ".join(f"{account}: {len(keys)}" for account, keys in sorted(wanted.items()))
    return none_of(bad, "the keys of policy, each for one account", f"keys as policy has them ({told})")


def is_read(file: KeyFile, patterns: Iterable[str]) -> bool:
    """Return whether sshd reads a file for its account: ``%u`` is the account, ``%h`` any folder (sshd_config(5))."""
    return any(_matches(file, pattern) for pattern in patterns if pattern != "none")


def _matches(file: KeyFile, pattern: str) -> bool:
    absolute = pattern if pattern.startswith(("/", "%h")) else f"%h/{pattern}"
    parts = absolute.replace("%u", file.account).replace("%h", "*")
    return fnmatchcase(file.path, parts)


CONTROLS = (
    Control(
        id="accounts-keys-exact",
        title_ko="승인된 SSH 공개키만 등록",
        title_en="The keys on a host are those of policy",
        severity=Severity.HIGH,
        articles=("pipc-5-1", "pipc-5-5", "efsr-19_2", "ismsp-2.5.3", "iso-a.5.17"),
        judge=keys_exact,
        breaker=Breaker(
            how="a stranger's key is added to an operator's",
            script=(
                "echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBVPBJhpNsMMFlqRRGs5Pn0Wtj8hgHSAYEOe1ZnQ3FfR stranger'"
                f" >> {CENTRAL}minho"
            ),
            touches=("keys:minho",),
        ),
    ),
)
