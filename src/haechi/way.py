"""How ssh's own configuration reaches a host, read once for whoever speaks SSH without the program ``ssh``."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from haechi import sshconfig
from haechi.hostkeys import HostKey, HostKeyError, entries

_PATIENCE = 20
_CONNECT = 10.0
_NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Way:
    """The way to one host: where it is, which keys of its may answer, and who goes in with what.

    Of an ``agent``'s keys all are meant, or with ``only`` those that ``identities`` name (``IdentitiesOnly``).

    ``jump`` are the hosts on the way, the first one first, as ssh_config(5) has them in ``ProxyJump``; they are looked
    up in ``config``, the arguments that name the configuration file.
    """

    host: str
    address: str
    port: int
    user: str
    pinned: tuple[HostKey, ...]
    identities: tuple[Path, ...] = ()
    certificates: tuple[Path, ...] = ()
    agent: str | None = None
    only: bool = False
    jump: tuple[str, ...] = ()
    command: str | None = None
    connect_s: float = _CONNECT
    config: tuple[str, ...] = ()


def find(arguments: Sequence[str], host: str) -> Way:
    """Return the way that ``ssh`` with these arguments would take.

    A configuration that Haechi wrote says so itself; for any other, and any other argument, ssh is asked, which costs
    5 ms. Raises ``HostKeyError`` when ssh cannot read its configuration.
    """
    text = _written(tuple(arguments), host) or _asked(arguments, host)
    return replace(read(host, text), config=_config(arguments))


def _written(arguments: tuple[str, ...], host: str) -> str | None:
    """Return what ``ssh -G`` would say of a host, out of a file that ``haechi ssh-config`` wrote; none for another."""
    user: tuple[tuple[str, str], ...]
    match arguments:
        case ("-F", file):
            user = ()
        case ("-F", file, "-l", name):
            user = (("user", name),)
        case _:
            return None
    with contextlib.suppress(OSError):
        known = _book(file, Path(file).stat().st_mtime_ns)
        if known is not None and host in known:
            return "".join(f"{keyword} {value}\n" for keyword, value in (*user, *known[host].items()))
    return None


@functools.lru_cache(maxsize=4)
def _book(file: str, _changed: int) -> dict[str, dict[str, str]] | None:
    return sshconfig.parse(Path(file).read_text(encoding="utf-8", errors="replace"))


def _asked(arguments: Sequence[str], host: str) -> str:
    try:
        done = subprocess.run(
            ["ssh", "-G", *arguments, host],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        raise HostKeyError(f"ssh said nothing about {host} within {_PATIENCE} s") from error
    if done.returncode:
        said = done.stderr.strip().rpartition("\n")[2]
        raise HostKeyError(f"ssh cannot read its configuration ({said}): write it by `haechi ssh-config -i ..`")
    return done.stdout


def read(host: str, text: str) -> Way:
    """Return the way that the output of ``ssh -G`` describes."""
    said: dict[str, list[str]] = {}
    for line in text.splitlines():
        keyword, _, value = line.partition(" ")
        said.setdefault(keyword, []).append(value)

    def one(keyword: str, otherwise: str) -> str:
        return said.get(keyword, [otherwise])[0]

    address, port = one("hostname", host), int(one("port", "22"))
    alias = one("hostkeyalias", address if port == 22 else f"[{address}]:{port}")  # noqa: PLR2004 -- ssh's own rule
    jump = one("proxyjump", _NONE)
    through = one("proxycommand", _NONE)
    patience = one("connecttimeout", _NONE)
    return Way(
        host=host,
        address=address,
        port=port,
        user=one("user", ""),
        pinned=_pinned(one("userknownhostsfile", ""), alias),
        identities=tuple(map(_path, said.get("identityfile", ()))),
        certificates=tuple(map(_path, said.get("certificatefile", ()))),
        agent=_agent(one("identityagent", "SSH_AUTH_SOCK")),
        only=one("identitiesonly", "no") == "yes",
        jump=() if jump == _NONE else tuple(jump.split(",")),
        command=None if through == _NONE else _expanded(through, host, address, port, one("user", "")),
        connect_s=float(patience) if patience.isdecimal() else _CONNECT,
    )


def _config(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return what ssh hands on to the ssh of a jump host: its configuration file and no other argument."""
    for number, word in enumerate(arguments):
        if word.startswith("-F"):
            return ("-F", word[2:] or arguments[number + 1])
    return ()


def hop(name: str) -> str:
    """Return a host of ``ProxyJump`` as the program ``ssh`` takes it on its command line."""
    return f"ssh://{name}" if ":" in name and "://" not in name else name


def _pinned(files: str, alias: str) -> tuple[HostKey, ...]:
    paths = [_path(name) for name in shlex.split(files) if name != _NONE]
    found = (entries(path.read_text(errors="replace"), alias) for path in paths if path.is_file())
    return tuple(key for keys in found for key in keys)


def _agent(said: str) -> str | None:
    """Return the agent's socket; ssh names a variable of the environment by its name."""
    if said == _NONE:
        return None
    return os.environ.get(said.removeprefix("$")) if said.removeprefix("$").isupper() else str(_path(said))


def _expanded(command: str, host: str, address: str, port: int, user: str) -> str:
    """Return a ``ProxyCommand`` with its tokens replaced in one pass, as ssh does it (ssh_config(5), TOKENS)."""
    tokens = {"%n": host, "%h": address, "%p": str(port), "%r": user, "%%": "%"}
    return re.sub("%.", lambda found: tokens.get(found[0], found[0]), command)


def _path(name: str) -> Path:
    return Path(name.strip('"')).expanduser()
