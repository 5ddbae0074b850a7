"""A FIDO2 authenticator in software behind the ssh-agent protocol, for the login canary and for the lab's people.

Its signatures are those of a device (OpenSSH's PROTOCOL.u2f), its keys are files, so it is no second factor of anybody:
it shows that the way in which people with devices log in is open. Runs by itself too, with nothing but `cryptography`:
``python3 authenticator.py SOCKET KEY...``.
"""

from __future__ import annotations

import base64
import hashlib
import os
import socketserver
import struct
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

KIND = b"sk-ssh-ed25519@openssh.com"
APPLICATION = b"ssh:"
# Somebody touched the device; he gave its PIN (CTAP 2, flags of authenticator data).
TOUCHED, VERIFIED = 0x01, 0x04
# draft-ietf-sshm-ssh-agent, 5.1.
FAILURE, ASK_KEYS, KEYS, ASK_SIGNATURE, SIGNATURE = 5, 11, 12, 13, 14


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _split(data: bytes) -> tuple[bytes, bytes]:
    size = int(struct.unpack_from(">I", data)[0])
    return data[4 : 4 + size], data[4 + size :]


def blob(private: Ed25519PrivateKey) -> bytes:
    """Return the public key of a private one, as one that lives in a device."""
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return _string(KIND) + _string(raw) + _string(APPLICATION)


def public_line(path: Path, comment: str) -> str:
    """Return the public key, one line, under which the private key of a file counts as a device's."""
    return f"{KIND.decode()} {base64.b64encode(blob(_load(path))).decode()} {comment}"


def signature(private: Ed25519PrivateKey, data: bytes, flags: int, counter: int) -> bytes:
    """Return what a device signs (PROTOCOL.u2f, "SSH U2F signatures")."""
    state = struct.pack(">BI", flags, counter)
    signed = private.sign(hashlib.sha256(APPLICATION).digest() + state + hashlib.sha256(data).digest())
    return _string(KIND) + _string(signed) + state


@dataclass(frozen=True, kw_only=True)
class Agent:
    """What an ssh-agent with these keys answers."""

    keys: dict[bytes, Ed25519PrivateKey]
    flags: int = TOUCHED | VERIFIED

    def answer(self, message: bytes) -> bytes:
        """Return the answer to one message, both without their length."""
        kind, rest = message[0], message[1:]
        if kind == ASK_KEYS:
            rows = b"".join(_string(public) + _string(b"") for public in self.keys)
            return bytes([KEYS]) + struct.pack(">I", len(self.keys)) + rows
        if kind != ASK_SIGNATURE:
            return bytes([FAILURE])
        public, rest = _split(rest)
        data, _ = _split(rest)
        if public not in self.keys:
            return bytes([FAILURE])
        return bytes([SIGNATURE]) + _string(signature(self.keys[public], data, self.flags, next(_COUNTER)))


_COUNTER = count(1)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    agent: Agent


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """Answer until the other side hangs up."""
        server = self.server
        while isinstance(server, _Server) and (head := self.rfile.read(4)):
            answer = server.agent.answer(self.rfile.read(struct.unpack(">I", head)[0]))
            self.wfile.write(_string(answer))


def agent(files: Iterable[Path], *, touched: bool = True, verified: bool = True) -> Agent:
    """Return an agent with the private keys of files, all Ed25519 and without a passphrase."""
    flags = touched * TOUCHED | verified * VERIFIED
    return Agent(keys={blob(private): private for private in map(_load, files)}, flags=flags)


@contextmanager
def serving(files: Iterable[Path], *, touched: bool = True, verified: bool = True) -> Iterator[Path]:
    """Serve keys at a socket of our own for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "agent"
        with _Server(str(socket), _Conversation) as server:
            server.agent = agent(files, touched=touched, verified=verified)
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            try:
                yield socket
            finally:
                server.shutdown()


@contextmanager
def plugged_in(folder: Path) -> Iterator[None]:
    """Let every ssh that this program starts find the security keys of a folder, as if their holders sat here."""
    held = [path for path in sorted(folder.glob("*")) if not path.suffix and is_device_key(path)]
    before = os.environ.get("SSH_AUTH_SOCK")
    with serving(held) as socket:
        os.environ["SSH_AUTH_SOCK"] = str(socket)
        try:
            yield
        finally:
            os.environ.pop("SSH_AUTH_SOCK")
            os.environ.update({} if before is None else {"SSH_AUTH_SOCK": before})


def is_device_key(path: Path) -> bool:
    """Return whether the public half of a key file is a device's, so that ssh must ask an agent to sign."""
    public = path.with_name(f"{path.name}.pub")
    return public.is_file() and public.read_bytes().startswith(KIND)


def _load(path: Path) -> Ed25519PrivateKey:
    private = load_ssh_private_key(path.read_bytes(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError(f"{path} is no Ed25519 key")
    return private


def main(argv: list[str]) -> None:
    """Serve keys at a socket until somebody ends the program."""
    socket, *files = map(Path, argv)
    socket.unlink(missing_ok=True)
    with _Server(str(socket), _Conversation) as server:
        server.agent = agent(files)
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
