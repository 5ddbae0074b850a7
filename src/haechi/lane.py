"""Many hosts at once out of one process: offers of keys, and one program for each host, over new connections.

An ``ssh`` of its own for each connection costs the controller 16 ms, and five are made for every host; asyncssh makes
one in a quarter of that. What the way there is, and which host keys may answer, ssh's own configuration says.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, override

import asyncssh

from haechi import way as ways
from haechi.hostkeys import HostKeyError
from haechi.offer import ACCEPTED, REFUSED, UNKNOWN, Offer, merge
from haechi.way import Way

# A busy sshd drops some of what comes at once (MaxStartups): such a cut is tried again, a refusal never.
PAUSES = (0.0, 0.4, 1.0)
LOGIN_S = 20.0
# Those of role sshd, the cheapest for Python first: one call a packet, where ChaCha20 takes three.
CIPHERS = ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com")
FAULTS = (OSError, asyncssh.Error, TimeoutError, HostKeyError)


class _Public(asyncssh.SSHKeyPair):
    """A public key alone, which is enough to ask about it; nothing is ever signed with it (RFC 4252, section 7)."""

    _key_type = "public"

    def __init__(self, line: str) -> None:
        key = asyncssh.import_public_key(line)
        super().__init__(key.algorithm, key.algorithm, key.sig_algorithms, key.sig_algorithms, key.public_data, None)
        self.accepted = False

    @override
    def sign(self, data: bytes) -> bytes:
        """Note that sshd would take the key: only then it asks for a signature (SSH_MSG_USERAUTH_PK_OK)."""
        self.accepted = True
        raise ValueError("only a public half is here")


class _Asking(asyncssh.SSHClient):
    """Offers one key, once. To be asked for another is sshd's refusal of this one (SSH_MSG_USERAUTH_FAILURE)."""

    def __init__(self, key: _Public) -> None:
        self.key, self.asked = key, 0

    @override
    def public_key_auth_requested(self) -> Any:
        self.asked += 1
        return self.key if self.asked == 1 else None

    def answer(self, error: BaseException | None) -> Offer:
        """Return what sshd said; whatever else ended the conversation is no answer."""
        if self.key.accepted:
            return Offer(ACCEPTED)
        if self.asked > 1 and isinstance(error, asyncssh.PermissionDenied):
            return Offer(REFUSED)
        return Offer(UNKNOWN, said(error))


class _Login(asyncssh.SSHClient):
    """Logs in with keys that were read once for all hosts."""

    def __init__(self, keys: Sequence[asyncssh.SSHKeyPair]) -> None:
        self.keys = list(keys)

    @override
    def public_key_auth_requested(self) -> Any:
        keys, self.keys = self.keys, []
        return keys or None


@dataclass(kw_only=True)
class Keyring:
    """The automation's private keys, read once: from files, and from the agent for those that have a passphrase."""

    _read: dict[tuple[object, ...], tuple[asyncssh.SSHKeyPair, ...]] = field(default_factory=dict)
    _agents: list[asyncssh.SSHAgentClient] = field(default_factory=list)

    async def of(self, way: Way) -> tuple[asyncssh.SSHKeyPair, ...]:
        """Return the keys that a way names.

        Raises ``HostKeyError`` when none of them can be used.
        """
        name = (way.identities, way.certificates, way.agent, way.only)
        if name not in self._read:
            self._read[name] = (*await self._from_agent(way), *_from_files(way))
        if not self._read[name]:
            files = ", ".join(map(str, way.identities)) or "none is named"
            raise HostKeyError(f"no private key to log in with ({files}): is it there, or unlocked in an ssh-agent?")
        return self._read[name]

    async def _from_agent(self, way: Way) -> Sequence[asyncssh.SSHKeyPair]:
        if way.agent is None:
            return ()
        named = [blob for path in way.identities if (blob := _public_half(path))] if way.only else None
        try:
            agent = await asyncssh.connect_agent(way.agent)
            self._agents.append(agent)
            return await agent.get_keys(named)
        except (OSError, ValueError):
            return ()

    def close(self) -> None:
        """Let go of the agents."""
        for agent in self._agents:
            agent.close()


def _from_files(way: Way) -> Iterator[asyncssh.SSHKeyPair]:
    certificates = [str(path) for path in way.certificates if path.is_file()]
    for path in way.identities:
        # One that has a passphrase, or is half of a token, is the agent's business.
        with contextlib.suppress(OSError, asyncssh.KeyImportError):
            yield from asyncssh.load_keypairs(str(path), certlist=certificates)


def _public_half(path: Path) -> bytes | None:
    for file in (path.with_name(f"{path.name}.pub"), path):
        with contextlib.suppress(OSError, asyncssh.KeyImportError):
            return bytes(asyncssh.read_public_key(file).public_data)
    return None


@dataclass(kw_only=True)
class Lane:
    """The connections of one run. The one to a jump host is shared; every other is new and serves one purpose."""

    keyring: Keyring = field(default_factory=Keyring)
    _hops: dict[tuple[tuple[str, ...], tuple[str, ...]], asyncio.Task[asyncssh.SSHClientConnection]] = field(
        default_factory=dict
    )

    async def offers(self, way: Way, people: Mapping[str, Sequence[str]]) -> dict[str, Offer]:
        """Offer every key of some people to a host, each over a connection of its own."""
        tries = [(person, key) for person, keys in people.items() for key in keys]
        heard = await asyncio.gather(*(self._offer(way, person, key) for person, key in tries))
        told = list(zip((person for person, _ in tries), heard, strict=True))
        return {person: merge([offer for who, offer in told if who == person]) for person in people}

    async def _offer(self, way: Way, person: str, line: str) -> Offer:
        heard = Offer(UNKNOWN)
        for pause in PAUSES:
            await asyncio.sleep(pause)
            asking, error = None, None
            try:
                asking = _Asking(_Public(line))
                connection = await self._connect(way, asking, person)
                connection.abort()
            except (*FAULTS, ValueError) as fault:
                error = fault
            heard = asking.answer(error) if asking else Offer(UNKNOWN, said(error))
            if heard.answer != UNKNOWN or not isinstance(error, asyncssh.ConnectionLost):
                break
        return heard

    async def log_in(self, way: Way) -> asyncssh.SSHClientConnection:
        """Log in as the automation.

        Raises one of ``FAULTS`` when the host cannot be reached.
        """
        return await self._connect(way, _Login(await self.keyring.of(way)), way.user)

    async def close(self) -> None:
        """Hang up on the jump hosts and the agents."""
        self.keyring.close()
        for hop in self._hops.values():
            hop.cancel()
            with contextlib.suppress(asyncio.CancelledError, *FAULTS):
                (await hop).abort()
        self._hops.clear()

    async def _connect(self, way: Way, client: asyncssh.SSHClient, user: str) -> asyncssh.SSHClientConnection:
        tunnel = await self._hop(way.config, way.jump) if way.jump else None
        keys = [asyncssh.import_public_key(f"{key.kind} {key.blob}") for key in way.pinned]
        if not keys:
            raise HostKeyError(f"no key of {way.host} is pinned: run bootstrap for it")
        return await asyncssh.connect(
            way.address,
            way.port,
            tunnel=tunnel,
            proxy_command=way.command,
            config=None,
            known_hosts=(keys, [], []),
            preferred_auth="publickey",
            connect_timeout=way.connect_s,
            login_timeout=LOGIN_S,
            encryption_algs=CIPHERS,
            compression_algs=None,
            x509_trusted_certs=None,
            client_factory=lambda: client,
            # None of its own: whoever the client is brings what may be offered.
            client_keys=None,
            username=user,
        )

    async def _hop(self, config: tuple[str, ...], jump: tuple[str, ...]) -> asyncssh.SSHClientConnection:
        """Return the connection to the last host of a jump, opened once for all that go through it."""
        task = self._hops.get((config, jump))
        if task is None or (task.done() and (task.cancelled() or task.exception() or task.result().is_closed())):
            task = self._hops[config, jump] = asyncio.create_task(self._open(config, jump))
        return await asyncio.shield(task)

    async def _open(self, config: tuple[str, ...], jump: tuple[str, ...]) -> asyncssh.SSHClientConnection:
        last = await asyncio.to_thread(ways.find, config, ways.hop(jump[-1]))
        way = replace(last, jump=jump[:-1] or last.jump)
        return await self.log_in(way)


async def run(connection: asyncssh.SSHClientConnection, command: str, text: bytes) -> AsyncGenerator[str]:
    """Run a command on a host, ``text`` on its standard input; yield the lines it answers as they come.

    Raises one of ``FAULTS`` when the host goes away, or the command fails.
    """
    async with connection.create_process(command, encoding=None) as process:
        process.stdin.write(text)
        process.stdin.write_eof()
        async for line in process.stdout:
            yield line.decode(errors="replace")
        done = await process.wait()
    if done.exit_status:
        raise ConnectionError(_last(done.stderr) or f"the program ended with {done.exit_status}")


def _last(text: bytes | str | None) -> str:
    plain = text.decode(errors="replace") if isinstance(text, bytes) else text or ""
    return plain.strip().rpartition("\n")[2]


def said(error: BaseException | None) -> str:
    """Return an error in one line, never an empty one."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0] if error else "sshd let somebody in unasked"
