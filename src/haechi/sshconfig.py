"""The one ssh configuration by which the control node reaches a site's hosts, written from policy.

Host keys are looked up by the host's name (HostKeyAlias), so an address that changes hands, or two
sites that use the same addresses, never match another machine's key.
"""

from __future__ import annotations

import re
from pathlib import Path

from haechi import signing
from haechi.policy.models import Kind, Policy, State

FILE_NAME = ".ssh_config"
# Offered before the bare key; ssh goes on without it while it is not there (ssh_config(5), CertificateFile).
CERTIFICATE = "automation-cert.pub"
# sun_path holds 108 bytes (unix(7)); ssh adds a suffix of 17 while it binds, and %C is a digest of 40.
SOCKET_PATH, DIGEST = 108, 1 + 40 + 17

_HEAD = """\
# Written by `haechi ssh-config` from policy. Changes made here are lost.
"""

# Unanswered keep-alives end a connection to a host that went away after 30 s, not after TCP's hours.
_COMMON = """\
Host *
  User {user}
  Port {port}
  UserKnownHostsFile {known_hosts}
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  UpdateHostKeys no
  IdentitiesOnly yes
  CertificateFile {certificate}
  IdentityFile {identity}
  ForwardAgent no
  ForwardX11 no
  PasswordAuthentication no
  KbdInteractiveAuthentication no
  ConnectTimeout 10
  ServerAliveInterval 10
  ServerAliveCountMax 3
"""


_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_SHARED = ("ControlMaster", "ControlPath", "ControlPersist")
_WRITTEN = {"HostName", "HostKeyAlias", "ProxyJump", *_SHARED, *re.findall(r"^  (\w+)", _COMMON, re.MULTILINE)}


def automation_id(policy: Policy) -> str:
    """Return the account that every playbook connects as: the first active automation identity."""
    for identity in policy.identities:
        if identity.kind is Kind.AUTOMATION and identity.state is State.ACTIVE:
            return identity.id
    raise ValueError("no active identity of kind automation: add one to identities.yml, it is whom playbooks log in as")


def known_hosts(state_dir: Path) -> Path:
    """Return the file that holds the pinned host keys of the site."""
    return state_dir / "known_hosts"


def render(policy: Policy, state_dir: Path, identity_file: Path) -> str:
    """Return the text of the configuration: one block a managed host, then what all have in common."""
    for path in (state_dir, identity_file):
        if any(character in str(path) for character in '\n\r"%'):
            raise ValueError(f"{path!s} cannot stand in an ssh configuration: use a path without quotes or %")
    blocks = [_block(policy, name, state_dir) for name, host in policy.hosts.items() if host.managed]
    common = _COMMON.format(
        user=automation_id(policy),
        port=policy.sshd.port,
        known_hosts=_quoted(known_hosts(state_dir)),
        certificate=_quoted(state_dir / CERTIFICATE),
        identity=_quoted(identity_file),
    )
    return "\n".join([_HEAD, *blocks, common])


def parse(text: str) -> dict[str, dict[str, str]] | None:
    """Return keyword (in lower case) to value for each host of a text that ``render`` wrote; none for any other text.

    Of two values the first wins (ssh_config(5)), and what all have in common stands last.
    """
    blocks: dict[str, dict[str, str]] = {}
    block: dict[str, str] | None = None
    if not text.startswith(_HEAD):
        return None
    for line in filter(None, text.removeprefix(_HEAD).splitlines()):
        keyword, _, value = line.strip().partition(" ")
        if keyword == "Host" and "*" not in blocks and (value == "*" or _NAME.fullmatch(value)):
            block = blocks.setdefault(value, {})
        elif line.startswith("  ") and keyword in _WRITTEN and block is not None:
            block.setdefault(keyword.lower(), value)
        else:
            return None
    common = blocks.pop("*", None)
    return None if common is None else {name: {**common, **rows} for name, rows in blocks.items()}


def write(path: Path, text: str) -> bool:
    """Put the text at the path in one step, readable by its owner alone; tell whether it changed."""
    if path.is_file() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    signing.swap(path, text.encode())
    return True


def _block(policy: Policy, name: str, state_dir: Path) -> str:
    lines = [f"Host {name}", f"  HostName {policy.hosts[name].address}", f"  HostKeyAlias {name}"]
    bastion = policy.site.bastion
    if bastion == name:
        lines += _shared(state_dir)
    elif bastion is not None:
        lines.append(f"  ProxyJump {bastion}")
    return "\n".join(lines) + "\n"


def _shared(state_dir: Path) -> list[str]:
    """Let all connections pass the bastion in one: a fleet that is proven at once would exhaust its MaxStartups.

    The connection to the host behind it is a new one all the same.
    """
    socket = state_dir / "%C"
    if len(str(state_dir)) + DIGEST > SOCKET_PATH:
        return []
    return ["  ControlMaster auto", f"  ControlPath {_quoted(socket)}", "  ControlPersist 60"]


def _quoted(path: Path) -> str:
    return f'"{path}"' if " " in str(path) else str(path)
