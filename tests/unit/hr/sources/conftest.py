"""A source of each kind with its secrets in a folder, and envelopes of what they send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from joserfc import jwk, jwt

from haechi.hr import sources
from haechi.hr.envelope import Envelope
from haechi.hr.signals import Reading, Signal
from haechi.hr.sources import webhook
from haechi.hr.sources.secrets import Secrets
from haechi.policy.provisioning import Source

AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
SEOUL = ZoneInfo("Asia/Seoul")
KEY = b"k" * 32
TOKEN = "0" * 64
ISSUER = "https://idp.example.com/"

HOOK = Source.model_validate({"name": "hr", "kind": "webhook"})
OKTA = Source.model_validate({"name": "okta", "kind": "scim"})
IDP = Source.model_validate({"name": "idp", "kind": "set", "issuer": ISSUER, "audience": "us", "keys": "idp.jwks"})


@dataclass
class Desk:
    """Whoever reads, and the keys of whoever sends."""

    secrets: Secrets
    key: jwk.ECKey

    def hook(self, body: bytes, at: datetime = AT) -> Envelope:
        """Return a webhook, signed."""
        seconds = int(at.timestamp())
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(seconds),
            "webhook-signature": webhook.sign(KEY, "msg_1", seconds, body),
            "user-agent": "hr",
        }
        return Envelope(source="hr", kind=HOOK.kind, received=at, body=body, headers=headers)

    def said(self, **body: Any) -> Signal:
        """Return what follows from a webhook of these words."""
        (signal,) = self.accepted(self.hook(json.dumps({"hr_id": "E1007", **body}).encode()), HOOK)[1].signals
        return signal

    def token(self, claims: Mapping[str, Any], **header: Any) -> Envelope:
        """Return a security event token."""
        base = {"iss": ISSUER, "aud": "us", "iat": int(AT.timestamp()), "jti": "one"}
        head = {"typ": "secevent+jwt", "alg": "ES256", "kid": "first", **header}
        body = jwt.encode(head, {**base, **claims}, self.key).encode()
        return Envelope(source="idp", kind=IDP.kind, received=AT, body=body)

    def scim(self, context: Mapping[str, Any], method: str = "PATCH", token: str = TOKEN) -> Envelope:
        """Return a change of SCIM."""
        headers = {"authorization-sha256": token}
        return Envelope(
            source="okta", kind=OKTA.kind, received=AT, body=b"{}", headers=headers, method=method, context=context
        )

    def accepted(self, message: Envelope, source: Source) -> tuple[Envelope, Reading]:
        """Return a message as it is kept, and what it says."""
        return sources.accept(message, source, self.secrets, SEOUL)


@pytest.fixture(scope="session")
def issuer_key() -> jwk.ECKey:
    return jwk.ECKey.generate_key("P-256", {"kid": "first", "use": "sig"})


@pytest.fixture
def desk(tmp_path: Path, issuer_key: jwk.ECKey) -> Desk:
    (tmp_path / "okta").write_text(TOKEN)
    (tmp_path / "hr").write_text("whsec_" + "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\n")
    (tmp_path / "idp.jwks").write_text(json.dumps({"keys": [issuer_key.as_dict(private=False)]}))
    return Desk(Secrets(tmp_path), issuer_key)


def later(**delta: float) -> datetime:
    return AT + timedelta(**delta)
