"""A receiver with one source of each kind, its secrets made for the test, and a client that speaks to it in-process."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from joserfc import jwk, jwt

from haechi.hr import tokens
from haechi.hr.inbox import Row
from haechi.hr.receive.app import app
from haechi.hr.receive.config import ReceiverConfig
from haechi.hr.sources import roster, secrets, webhook
from haechi.policy.provisioning import SourceKind

ISSUER, AUDIENCE = "https://idp.example.com/", "https://haechi.example.com/"


@dataclass
class Site:
    """The receiver, and what its senders hold."""

    folder: Path
    token: str
    hook_key: str
    key: jwk.ECKey
    config: ReceiverConfig
    client: TestClient = field(init=False)

    @property
    def bearer(self) -> dict[str, str]:
        """Return the header that SCIM requests are let in by."""
        return {"Authorization": f"Bearer {self.token}"}

    def kept(self) -> tuple[Row, ...]:
        """Return what is in the inbox."""
        return self.client.app.state.reception.inbox.after(0, 1000)  # type: ignore[attr-defined]

    def hook(self, body: bytes, name: str = "msg_1", at: float | None = None, **headers: str) -> dict[str, str]:
        """Return the headers of a webhook, signed."""
        seconds = int(time.time() if at is None else at)
        signature = webhook.sign(secrets.key_of(self.hook_key), name, seconds, body)
        return {
            "webhook-id": name,
            "webhook-timestamp": str(seconds),
            "webhook-signature": signature,
            "content-type": "application/json",
            **headers,
        }

    def claims(self, events: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
        """Return the claims of a token; None leaves one out."""
        base = {"iss": ISSUER, "aud": AUDIENCE, "iat": int(time.time()), "jti": "one", "events": dict(events)}
        return {name: value for name, value in {**base, **changed}.items() if value is not None}

    def signed(self, claims: Mapping[str, Any], **header: Any) -> bytes:
        """Return a token."""
        head = {"typ": "secevent+jwt", "alg": "ES256", "kid": "first", **header}
        return jwt.encode(head, dict(claims), self.key, algorithms=[head["alg"]]).encode()

    def roster(self, text: bytes, key: str = "sora", namespace: str = "haechi-roster") -> dict[str, str]:
        """Return the headers of a roster, signed."""
        path = self.folder / "roster"
        path.write_bytes(text)
        arguments = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", self.folder / key, path]
        path.with_suffix(".sig").unlink(missing_ok=True)
        subprocess.run(arguments, check=True, capture_output=True)
        return {roster.SIGNATURE: base64.b64encode(path.with_suffix(".sig").read_bytes()).decode()}


def configured(folder: Path, people: dict[str, tuple[str, ...]], **changed: Any) -> ReceiverConfig:
    return ReceiverConfig.model_validate(
        {
            "address": "127.0.0.1",
            "port": 8443,
            "certificate": folder / "cert.pem",
            "key": folder / "key.pem",
            "inbox": f"sqlite:///{folder / 'inbox.sqlite'}",
            "resources": folder / "resources.sqlite",
            "secrets": folder / "secrets",
            "signers": people,
            "sources": [
                {"name": "okta", "kind": "scim"},
                {"name": "idp", "kind": "set", "issuer": ISSUER, "audience": AUDIENCE, "keys": "idp.jwks"},
                {"name": "hr", "kind": "webhook"},
                {"name": "payroll", "kind": "roster", "signers": ["sora"]},
            ],
            **changed,
        }
    )


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("sora", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    return folder


@pytest.fixture
def site(tmp_path: Path, keys: Path) -> Iterator[Site]:
    made = built(tmp_path, keys)
    with TestClient(app(made.config), raise_server_exceptions=False) as made.client:
        yield made


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Iterator[Site]:
    """Return one receiver for many tests that leave nothing in it."""
    made = built(tmp_path_factory.mktemp("standing"), keys)
    with TestClient(app(made.config), raise_server_exceptions=False) as made.client:
        yield made


def built(folder: Path, keys: Path, **changed: Any) -> Site:
    """Return a site without its client, its secrets in a folder."""
    (folder / "secrets").mkdir()
    token, kept = tokens.make(SourceKind.SCIM)
    hook_key, line = tokens.make(SourceKind.WEBHOOK)
    key = jwk.ECKey.generate_key("P-256", {"kid": "first", "use": "sig"})
    (folder / "secrets/okta").write_text(kept + "\n")
    (folder / "secrets/hr").write_text(line + "\n")
    (folder / "secrets/idp.jwks").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    for name in ("sora", "stranger"):
        (folder / name).symlink_to(keys / name)
    people = {"sora": ((keys / "sora.pub").read_text().strip(),)}
    return Site(folder, token, hook_key, key, configured(folder, people, **changed))
