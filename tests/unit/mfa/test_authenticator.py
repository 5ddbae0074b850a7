"""The authenticator in software signs as a device does."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from haechi import authenticator


def fields(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the two strings at the beginning, and the rest (RFC 4251, 5)."""
    found = []
    for _ in range(2):
        (size,) = struct.unpack_from(">I", data)
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found, data


@pytest.mark.parametrize("flags", [0x05, 0x01, 0x04, 0x00])
def test_what_is_signed_is_what_the_protocol_says(flags: int) -> None:
    """Application, flags, counter and message, the first and the last as hashes (PROTOCOL.u2f)."""
    private = Ed25519PrivateKey.generate()
    (kind, signed), state = fields(authenticator.signature(private, b"message", flags, 7))

    assert kind == b"sk-ssh-ed25519@openssh.com"
    assert state == bytes([flags, 0, 0, 0, 7])
    expected = hashlib.sha256(b"ssh:").digest() + state + hashlib.sha256(b"message").digest()
    private.public_key().verify(signed, expected)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Return the file of a key that counts as a device's."""
    path = tmp_path / "ann"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    path.with_name("ann.pub").write_text(authenticator.public_line(path, "ann@lab") + "\n")
    return path


def test_ssh_keygen_takes_its_signature_and_its_key(key: Path) -> None:
    """OpenSSH itself is the judge, through the agent's socket."""
    with authenticator.plugged_in(key.parent):
        asked = ["ssh-keygen", "-q", "-Y", "sign", "-n", "test", "-f", f"{key}.pub"]
        signed = subprocess.run(asked, input=b"text", capture_output=True, check=True, env=os.environ).stdout
        listed = subprocess.run(["ssh-add", "-l"], capture_output=True, text=True, check=True, env=os.environ).stdout
    allowed, signature = key.with_name("allowed"), key.with_name("signature")
    allowed.write_text(f"ann {key.with_name('ann.pub').read_text()}")
    signature.write_bytes(signed)
    verify = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", "ann", "-n", "test", "-s", str(signature)]

    assert subprocess.run(verify, input=b"text", capture_output=True, check=False).returncode == 0
    assert subprocess.run(verify, input=b"other", capture_output=True, check=False).returncode != 0
    assert "ED25519-SK" in listed


def test_a_plain_key_is_no_device_s(tmp_path: Path) -> None:
    """Ssh signs with that one by itself."""
    path = tmp_path / "bob"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)

    assert not authenticator.is_device_key(path)
    assert not authenticator.is_device_key(tmp_path / "nobody")


def test_an_agent_refuses_what_it_does_not_know() -> None:
    """No key, or another question: SSH_AGENT_FAILURE."""
    agent = authenticator.Agent(keys={})

    assert agent.answer(bytes([27])) == b"\x05"
    assert agent.answer(b"\x0d\0\0\0\1k\0\0\0\1d\0\0\0\0") == b"\x05"
    assert agent.answer(b"\x0b") == b"\x0c\0\0\0\0"
