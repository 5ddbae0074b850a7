"""The small site of the sshd tests with an authority, and keys that nobody has the private half of."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

import pytest

from haechi.policy.models import Policy
from tests.unit.sshd.conftest import policy as small


def key(who: str) -> str:
    """Return a made-up Ed25519 key line."""
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0 " + hashlib.sha256(who.encode()).digest()
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


def with_authority(changes: Mapping[str, object] | None = None) -> Policy:
    """Return a policy with an authority on the bastion and a key for each person."""
    keys = {who: [f"{key(who)} {who}"] for who in ("robot", "ann", "carol", "dan")}
    return small(pki={"host": "bastion", "user_hours": 8}, keys=keys, **(changes or {}))


@pytest.fixture
def policy() -> Policy:
    """Return it as it is."""
    return with_authority()
