"""Pinned host keys: what a host presented, what policy promises, what is written down."""

from __future__ import annotations

import base64
import fcntl
import hashlib
from dataclasses import dataclass
from pathlib import Path

from haechi import signing


class HostKeyError(Exception):
    """The key that answered is not the one that may be trusted; the message says what to do."""


@dataclass(frozen=True)
class HostKey:
    """A public host key."""

    kind: str
    blob: str

    @property
    def fingerprint(self) -> str:
        """Return the fingerprint as ``ssh-keygen -l`` prints it."""
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def entries(text: str, alias: str) -> tuple[HostKey, ...]:
    """Return the keys that a known_hosts text holds for one name; marked lines and hashed names are not ours."""
    # @cert-authority, @revoked and |1| (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
    rows = [line.split() for line in text.splitlines() if line.strip() and not line.startswith(("#", "@", "|"))]
    return tuple(HostKey(row[1], row[2]) for row in rows if len(row) > 2 and alias in row[0].split(","))  # noqa: PLR2004


def decide(alias: str, presented: HostKey, pinned: tuple[HostKey, ...], promised: str | None, *, trust: bool) -> bool:
    """Tell whether the presented key must be pinned (True) or is pinned already (False); else raise."""
    seen = presented.fingerprint
    if promised is not None and promised != seen:
        raise HostKeyError(
            f"{alias} presented {seen}, policy (hosts.{alias}.host_key) promises {promised}: is somebody on the way?"
            " On the host's console, `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` shows the true one"
        )
    if presented in pinned:
        return False
    if pinned and promised is None:
        raise HostKeyError(
            f"{alias} presented {seen}, pinned is {', '.join(key.fingerprint for key in pinned)}. If the host was made"
            f" anew, write its fingerprint to hosts.{alias}.host_key; if not, somebody is on the way"
        )
    if promised is None and not trust:
        raise HostKeyError(
            f"{alias} is unknown and presented {seen}. Compare it on the host's console and write it to"
            f" hosts.{alias}.host_key, or run again with `-e bootstrap_trust_first_contact=true` to trust who answers"
        )
    return True


def pin(path: Path, alias: str, key: HostKey) -> None:
    """Write the key as the only one of its name, in one step; runs on other hosts wait their turn."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (path.parent / f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _rewrite(path, alias, key)


def _rewrite(path: Path, alias: str, key: HostKey) -> None:
    old = path.read_text().splitlines() if path.is_file() else []
    kept = [line for line in old if line.startswith(("#", "@")) or alias not in line.split(" ")[0].split(",")]
    text = "".join(f"{line}\n" for line in [*kept, f"{alias} {key.kind} {key.blob}"])
    signing.swap(path, text.encode())
