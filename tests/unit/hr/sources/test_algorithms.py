"""The signatures that policy may let count, each with a real key."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from joserfc import jwk, jws

from haechi.hr.envelope import Envelope
from haechi.hr.signals import Act, RefusedError, UnavailableError
from haechi.hr.sources.secrets import Secrets

from .conftest import AT, IDP, Desk

EVENT = {"https://schemas.openid.net/secevent/risc/event-type/account-purged": {}}


def message(desk: Desk, key: Any, **header: Any) -> Envelope:
    claims = {
        "iss": IDP.issuer,
        "aud": ["them", "us"],
        "iat": AT.timestamp(),
        "jti": "one",
        "sub": "E1",
        "events": EVENT,
    }
    (desk.secrets.folder / "idp.jwks").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    head = {"typ": "secevent+jwt", **header}
    registry = jws.JWSRegistry(algorithms=[head["alg"]], strict_check_header=False)
    registry.max_header_length = 8192
    body = jws.serialize_compact(head, json.dumps(claims), key, registry=registry).encode()
    return Envelope(source="idp", kind=IDP.kind, received=AT, body=body)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # by the signer
@pytest.mark.parametrize(
    ("name", "kind", "size", "policy"),
    [
        ("ES256", jwk.ECKey, "P-256", "ES256"),
        ("ES384", jwk.ECKey, "P-384", "ES384"),
        ("EdDSA", jwk.OKPKey, "Ed25519", "EdDSA"),
        ("Ed25519", jwk.OKPKey, "Ed25519", "EdDSA"),
        pytest.param("RS256", jwk.RSAKey, 2048, "RS256", marks=pytest.mark.exhaustive),
        pytest.param("PS256", jwk.RSAKey, 2048, "PS256", marks=pytest.mark.exhaustive),
    ],
)
def test_an_algorithm_of_policy_counts_and_no_other(desk: Desk, name: str, kind: Any, size: Any, policy: str) -> None:
    sent = message(desk, kind.generate_key(size, {"kid": "first"}), alg=name, kid="first")
    _, reading = desk.accepted(sent, IDP.model_copy(update={"algorithms": (policy,)}))
    assert [signal.act for signal in reading.signals] == [Act.LEAVE]
    other = "ES384" if policy == "ES256" else "ES256"
    with pytest.raises(RefusedError, match="not one that counts here"):
        desk.accepted(sent, IDP.model_copy(update={"algorithms": (other,)}))


def test_a_token_may_bring_its_certificates_and_leave_the_key_s_name_out(desk: Desk) -> None:
    sent = message(desk, jwk.ECKey.generate_key("P-256"), alg="ES256", x5c=["A" * 3000], typ="application/secevent+JWT")
    assert desk.accepted(sent, IDP)[1].signals


def test_the_issuer_s_new_key_counts_from_the_next_token_on(desk: Desk) -> None:
    first = message(desk, jwk.ECKey.generate_key("P-256", {"kid": "first"}), alg="ES256", kid="first")
    assert desk.accepted(first, IDP)[1].signals
    time.sleep(0.01)
    second = message(desk, jwk.ECKey.generate_key("P-256", {"kid": "second"}), alg="ES256", kid="second")
    assert desk.accepted(second, IDP)[1].signals
    with pytest.raises(RefusedError, match="names no key"):
        desk.accepted(first, IDP)


def test_a_source_without_keys_is_a_fault_of_ours_and_refuses_nobody(desk: Desk) -> None:
    sent = message(desk, jwk.ECKey.generate_key("P-256", {"kid": "first"}), alg="ES256", kid="first")
    with pytest.raises(UnavailableError, match="source idp has no keys"):
        desk.accepted(sent, IDP.model_copy(update={"keys": None}))
    with pytest.raises(UnavailableError, match="cannot be read"):
        Desk(Secrets(desk.secrets.folder / "none"), desk.key).accepted(sent, IDP)
