"""What a lab must not have in git: identities' keys, host keys, and the files that name their public halves."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from secrets import token_urlsafe

from haechi import authenticator
from haechi.hr import handover, tokens
from haechi.policy.factors import factor_of, window_of
from haechi.policy.models import Factor, Identity, Kind, Policy, State
from haechi.seal import shares, store

KEYS, SHARES = "keys", "shares"

# The sealed account has none: whoever held it would be in alone.
HAS_KEY = {Kind.PERSON, Kind.AUTOMATION, Kind.SENTINEL}


def keypair(path: Path, comment: str) -> str:
    """Make an Ed25519 key unless it is there; return its public half, one line."""
    public = path.with_name(path.name + ".pub")
    if not (path.is_file() and public.is_file()):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)], check=True)
    return public.read_text().strip()


def passphrase(path: Path) -> None:
    """Make a passphrase unless it is there: of the lab's X.509 root, or of the service's database."""
    if not path.is_file():
        path.touch(mode=0o600)
        path.write_text(f"{token_urlsafe(32)}\n")


def of_sources(policy: Policy, folder: Path, state: Path) -> None:
    """Make the secret of each source of HR unless it is there: the sender's half in the folder, ours in the state."""
    for source in policy.hr.sources if policy.hr is not None else ():
        told, ours = folder / f"hr-{source.name}", state / handover.FOLDER / source.name
        if source.kind in tokens.KINDS and not (told.is_file() and ours.is_file()):
            sender, kept = tokens.make(source.kind)
            told.write_text(f"{sender}\n")
            told.chmod(0o600)
            tokens.keep(ours, kept)


def identity_keys(policy: Policy, folder: Path) -> dict[str, str]:
    """Make the key of each identity that logs in, leavers included (theirs must be refused); return public halves.

    Whoever needs a security key and may not lack it gets one in software: the lab has no devices.
    """
    wanted = [i for i in policy.identities if i.kind in HAS_KEY and i.state is not State.ABSENT]
    plain = {who.id: keypair(folder / who.id, f"{who.id}@{policy.site.name}") for who in wanted}
    return plain | {who.id: _of_device(folder / who.id, policy) for who in wanted if in_device(policy, who)}


def in_device(policy: Policy, who: Identity) -> bool:
    """Return whether an identity of the lab has a security key; in an open window only whom policy names has one."""
    enrolled = who.kind is Kind.SENTINEL or who.id in policy.mfa.people or window_of(policy, who) is None
    return factor_of(policy, who) is Factor.FIDO2 and enrolled


def _of_device(path: Path, policy: Policy) -> str:
    line = authenticator.public_line(path, f"{path.name}@{policy.site.name}")
    path.with_name(f"{path.name}.pub").write_text(f"{line}\n")
    return line


def host_keys(policy: Policy, folder: Path) -> dict[str, str]:
    """Make each machine's host key; return public halves."""
    return {name: keypair(folder / name / "ssh_host_ed25519_key", f"root@{name}") for name in policy.hosts}


def share_keys(policy: Policy, folder: Path) -> dict[str, str]:
    """Make a key for the share of each holder whose login key counts as a device's; return public halves."""
    holders = policy.break_glass.holders if policy.break_glass else ()
    people = {who.id: who for who in policy.identities}
    wanted = [name for name in holders if name in people and in_device(policy, people[name])]
    return {name: keypair(folder / f"{name}.key", f"{name}@{policy.site.name}") for name in wanted}


def seal(policy: Policy, state: Path, folder: Path) -> None:
    """Seal the emergency account unless it is sealed; what holders would have on paper lies in files of theirs.

    Raises ``SealError`` and ``EvidenceError``.
    """
    if policy.break_glass is None or store.read(state) is not None:
        return
    made, _ = store.make(policy)
    store.keep(state, made)
    for holder, share in made.shares.items():
        own, words = folder / f"{SHARES}/{holder}.key", folder / SHARES / holder
        words.parent.mkdir(mode=0o700, exist_ok=True)
        words.touch(mode=0o600)
        private = own if own.is_file() else folder / KEYS / holder
        words.write_text(f"{shares.unseal(share, private.read_bytes())}\n")


def write_policy_keys(path: Path, public: dict[str, str], share: dict[str, str]) -> None:
    """Write the policy's `keys` for the identities of the lab, and its `share_keys` for holders."""
    lines = ["---", "# Written by `haechi lab up`; the private halves lie in .lab/.", "keys:"]
    lines += [f"  {name}: [{json.dumps(key)}]" for name, key in public.items()]
    if share:
        lines += ["share_keys:", *(f"  {name}: {json.dumps(key)}" for name, key in share.items())]
    path.write_text("\n".join(lines) + "\n")


def write_known_hosts(path: Path, public: dict[str, str]) -> None:
    """Pin the machines' host keys under their names."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [f"{name} {' '.join(key.split()[:2])}\n" for name, key in sorted(public.items())]
    path.write_text("".join(lines))
