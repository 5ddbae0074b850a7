"""An SSH server in this very process, and how to talk to it."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from haechi.hostkeys import HostKey
from haechi.lane import Lane
from haechi.way import Way

KEYS = {name: asyncssh.generate_private_key("ssh-ed25519") for name in ("host", "other", "haechi", "hana", "eve")}


def line(name: str) -> str:
    return KEYS[name].export_public_key().decode().strip()


def pin(name: str) -> tuple[HostKey]:
    kind, blob = line(name).split()[:2]
    return (HostKey(kind, blob),)


@dataclass
class Site:
    """A server's mind: whom it lets in, how many it hangs up on first, and what it was asked for."""

    may: tuple[str, ...] = ("haechi", "hana")
    cuts: int = 0
    asked: list[str] = field(default_factory=list)
    forwarded: list[tuple[str, int]] = field(default_factory=list)


class Server(asyncssh.SSHServer):
    """Lets in who comes with the key of their own."""

    def __init__(self, site: Site) -> None:  # noqa: D107 - as above
        self.site = site

    def connection_made(self, conn: Any) -> None:  # noqa: D102 - asyncssh's
        self.conn = conn

    def begin_auth(self, username: str) -> bool:  # noqa: D102 - asyncssh's
        self.site.asked.append(username)
        if self.site.cuts:
            self.site.cuts -= 1
            self.conn.abort()
        return True

    def public_key_auth_supported(self) -> bool:  # noqa: D102 - asyncssh's
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:  # noqa: D102 - asyncssh's
        return username in self.site.may and key.public_data == KEYS[username].public_data

    def connection_requested(self, dest_host: str, dest_port: int, *_: object) -> bool:  # noqa: D102 - asyncssh's
        self.site.forwarded.append((dest_host, dest_port))
        return True


async def answer(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Carry a command out on this machine, without the step to root."""
    argv = [word for word in shlex.split(process.command or "") if word not in {"sudo", "-n", "--"}]
    child = await asyncio.create_subprocess_exec(*argv, stdin=-1, stdout=-1, stderr=-1)
    out, err = await child.communicate(await process.stdin.read())
    process.stdout.write(b"Welcome to this host\n" + out)
    process.stderr.write(err)
    process.exit(child.returncode or 0)


@asynccontextmanager
async def served(folder: Path, site: Site) -> Any:
    """Serve on loopback; yield the way there."""
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: Server(site),
        server_host_keys=[KEYS["host"]],
        process_factory=answer,
        encoding=None,
    )
    identity = folder / "identity"
    KEYS["haechi"].write_private_key(identity)
    async with server:
        yield Way(
            host="h1",
            address="127.0.0.1",
            port=server.get_port(),
            user="haechi",
            pinned=pin("host"),
            identities=(identity,),
            connect_s=5.0,
        )


def talk(folder: Path, act: Callable[[Lane, Way], Awaitable[Any]], site: Site | None = None) -> Any:
    async def whole() -> Any:
        lane = Lane()
        async with served(folder, site or Site()) as way:
            try:
                return await act(lane, way)
            finally:
                await lane.close()

    return asyncio.run(whole())
